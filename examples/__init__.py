"""Programs to read and to run: ``python -m examples.NAME``; each folder has a README."""

import signal

# Until `common.run` takes over, Ctrl-C ends an example at once: a traceback from amid the imports helps nobody.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
