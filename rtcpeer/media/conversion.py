"""Raw pictures in the form that an encoder takes, as objects of their own.

PyAV's encoder writes to the frame that it is given (timestamp, time base, picture type), and the same frame may be in
the hands of another encoder's thread and of the program that made it.
"""

from fractions import Fraction

import av
from av.filter import Graph
from av.video.reformatter import Interpolation, VideoReformatter

from rtcpeer.media.codec_contract import CodecError

__all__ = ["PictureConverter"]

_ANY_TIME_BASE = Fraction(1, 90000)  # a filter graph has one; who takes the pictures gives them times of their own


class PictureConverter:
    """Makes pictures of the wanted size and format; the caller owns what it gets, and its own picture stays as it is.

    Pixels are copied only where they change.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()  # keeps its tables from one picture to the next
        self._graph: Graph | None = None
        self._graph_shape: tuple[int, int, str] | None = None

    def convert(self, picture: av.VideoFrame, width: int, height: int, pixel_format: str) -> av.VideoFrame:
        """The picture so; `CodecError` where FFmpeg can not convert it."""
        try:
            copy = self._reference(picture)
            return self._reformatter.reformat(
                copy, width, height, pixel_format, interpolation=Interpolation.BILINEAR, threads=1
            )
        except (av.FFmpegError, ValueError) as error:
            raise CodecError(
                f"a picture of {picture.width}x{picture.height} {picture.format.name} can not become "
                f"{width}x{height} {pixel_format}: {error}"
            ) from error

    def _reference(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Another frame with the same pixels: a filter graph without filters makes one in a few microseconds."""
        shape = (picture.width, picture.height, picture.format.name)
        if self._graph is None or shape != self._graph_shape:
            self._graph = Graph()
            source = self._graph.add_buffer(
                width=picture.width, height=picture.height, format=picture.format, time_base=_ANY_TIME_BASE
            )
            sink = self._graph.add("buffersink")
            source.link_to(sink)
            self._graph.configure()
            self._graph_shape = shape
        self._graph.vpush(picture)
        return self._graph.vpull()
