"""Pictures turned upright: a peer sends them as its camera has them and tells how to turn them (3GPP TS 26.114)."""

from fractions import Fraction

import av
from av.filter import Graph

__all__ = ["PictureTurner"]

_FILTERS = {90: (("transpose", "clock"),), 180: (("hflip", None), ("vflip", None)), 270: (("transpose", "cclock"),)}


class PictureTurner:
    """Turns pictures clockwise, one after the other."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str, int] | None = None

    def turned(self, picture: av.VideoFrame, degrees: int) -> av.VideoFrame:
        """The picture itself where there is nothing to turn."""
        if degrees not in _FILTERS:
            return picture
        shape = (picture.width, picture.height, picture.format.name, degrees)
        if self._graph is None or shape != self._shape:
            self._graph, self._shape = _graph(picture, degrees), shape
        self._graph.vpush(picture)
        turned = self._graph.vpull()
        turned.pts, turned.time_base = picture.pts, picture.time_base
        return turned


def _graph(picture: av.VideoFrame, degrees: int) -> Graph:
    graph = Graph()
    last = graph.add_buffer(
        width=picture.width, height=picture.height, format=picture.format, time_base=Fraction(1, 90000)
    )
    for name, argument in _FILTERS[degrees]:
        following = graph.add(name, argument)
        last.link_to(following)
        last = following
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph
