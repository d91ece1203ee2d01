"""Descriptions: what is written is read back; any text parses or breaks the grammar, and nothing else happens."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.errors import SdpSyntaxError
from rtcpeer.sdp import (
    Attribute,
    Attributes,
    Connection,
    MediaSection,
    Origin,
    SessionDescription,
    Timing,
    parse,
    serialize,
)
from tests.fuzz.fuzz_sdp import read_everything
from tests.unit.sdp.fixtures import NAMES, read

TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=12)
VALUES = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=30)
NUMBERS = st.integers(0, 2**64 - 1).map(str)
OPTIONAL = st.none() | VALUES
ATTRIBUTES = st.lists(st.builds(Attribute, TOKENS, OPTIONAL), max_size=6).map(Attributes)
CONNECTIONS = st.builds(Connection, TOKENS, TOKENS, TOKENS)
SECTIONS = st.builds(
    MediaSection,
    kind=TOKENS,
    port=st.integers(0, 65535),
    protocol=TOKENS,
    formats=st.lists(TOKENS, min_size=1, max_size=4).map(tuple),
    port_count=st.none() | st.integers(0, 65535),
    information=OPTIONAL,
    connections=st.lists(CONNECTIONS, max_size=2).map(tuple),
    bandwidths=st.lists(VALUES, max_size=2).map(tuple),
    key=OPTIONAL,
    attributes=ATTRIBUTES,
)
DESCRIPTIONS = st.builds(
    SessionDescription,
    origin=st.builds(Origin, TOKENS, NUMBERS, NUMBERS, TOKENS, TOKENS, TOKENS),
    name=VALUES,
    information=OPTIONAL,
    uri=OPTIONAL,
    emails=st.lists(VALUES, max_size=2).map(tuple),
    phones=st.lists(VALUES, max_size=2).map(tuple),
    connection=st.none() | CONNECTIONS,
    bandwidths=st.lists(VALUES, max_size=2).map(tuple),
    timings=st.lists(st.builds(Timing, VALUES, st.lists(VALUES, max_size=2).map(tuple)), min_size=1, max_size=2).map(
        tuple
    ),
    time_zones=OPTIONAL,
    key=OPTIONAL,
    attributes=ATTRIBUTES,
    media=st.lists(SECTIONS, max_size=3).map(tuple),
)


@settings(max_examples=150)
@given(DESCRIPTIONS)
def test_what_is_written_is_read_back(description):
    assert parse(serialize(description)) == description


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_any_text_parses_or_breaks_the_grammar(text):
    with contextlib.suppress(SdpSyntaxError):
        read_everything(text)


@settings(max_examples=200)
@given(st.sampled_from(NAMES), st.integers(0, 8000), st.integers(0, 40), st.text(max_size=12))
def test_a_mutated_description_parses_or_breaks_the_grammar(name, position, length, replacement):
    text = read(name)
    position %= len(text)
    with contextlib.suppress(SdpSyntaxError):
        read_everything(text[:position] + replacement + text[position + length :])
