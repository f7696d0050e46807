"""Loops: a vertex with a body that is run once for each item, as a level of its own within the flow.

A level is a flow without circles: to those around it, a loop's vertex stands for its whole body.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headrace.graph.errors import FlowError

if TYPE_CHECKING:
    from headrace.graph.flow import Edge, NodeId
    from headrace.graph.plan import Vertex

Level = Mapping["NodeId", "Vertex"]


@dataclass(frozen=True, slots=True)
class Loop:
    """What a vertex repeats: `output` gives the item, and `back` names whose output is the item's result."""

    output: str
    back: tuple[NodeId, str]
    body: Level


def levels(vertices: Level, edges: Iterable[Edge]) -> Level:
    """Return the outermost level of a flow; the loops in it hold the levels within.

    Args:
        vertices: all vertices, connected as the edges that lead to fields connect them.
        edges: all edges, those that lead back to a loop among them.

    Raises:
        FlowError: a loop's body is not closed, loops cross each other, or the flow goes round in a circle elsewhere.

    """
    _check_acyclic(vertices)
    drawn = list(edges)
    backs = {e.target: e for e in drawn if e.loops}
    bodies = {loop: _body(vertices, drawn, back) for loop, back in backs.items()}
    for one, body in bodies.items():
        for other, its in bodies.items():
            if one != other and body & its and not (body <= its or its <= body):
                raise FlowError(f"The loops {one} and {other} cross each other. Put one of them inside the other.")
    return _level(vertices, set(vertices), backs, bodies)


def _body(vertices: Level, edges: list[Edge], back: Edge) -> set[NodeId]:
    loop, item = back.target, back.field
    inside = _reached(vertices, (e.target for e in edges if e.source == loop and e.output == item and not e.loops))
    after = _reached(vertices, (e.target for e in edges if e.source == loop and e.output != item and not e.loops))
    body = inside - after - {loop}
    if back.source not in body:
        name = vertices[loop].display_name
        raise FlowError(
            f"The loop {name} ({loop}) is not closed: what leads back to it, {back.source}, does not hang on its {item!r}."
        )
    return body


def _reached(vertices: Level, begin: Iterable[NodeId]) -> set[NodeId]:
    found: set[NodeId] = set()
    left = list(begin)
    while left:
        current = left.pop()
        if current not in found:
            found.add(current)
            left += vertices[current].successors
    return found


def _level(
    vertices: Level, members: set[NodeId], backs: Mapping[NodeId, Edge], bodies: Mapping[NodeId, set[NodeId]]
) -> Level:
    held = {i for loop in bodies if loop in members for i in bodies[loop]}
    outermost = [loop for loop in bodies if loop in members and loop not in held]
    stands_for = {i: loop for loop in outermost for i in bodies[loop]}
    level: dict[NodeId, Vertex] = {}
    for i in vertices:
        if i not in members or i in stands_for:
            continue
        group = [i, *(bodies[i] if i in outermost else ())]
        before = {stands_for.get(p, p) for g in group for p in vertices[g].predecessors if p in members}
        after = dict.fromkeys(stands_for.get(s, s) for g in group for s in vertices[g].successors if s in members)
        loop = None
        if i in outermost:
            back = backs[i]
            loop = Loop(back.field, (back.source, back.output), _level(vertices, bodies[i], backs, bodies))
        level[i] = replace(
            vertices[i],
            predecessors=frozenset(before - {i}),
            successors=tuple(s for s in after if s != i),
            loop=loop,
        )
    _check_acyclic(level)
    return level


def _check_acyclic(level: Level) -> None:
    waiting = {i: len(v.predecessors) for i, v in level.items()}
    ready = deque(i for i, count in waiting.items() if count == 0)
    reached: set[NodeId] = set()
    while ready:
        current = ready.popleft()
        reached.add(current)
        for target in level[current].successors:
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    if len(reached) < len(level):
        around = sorted(set(level) - reached)
        raise FlowError(
            f"The flow goes round in a circle through {', '.join(around[:5])}. Remove an edge of the circle."
        )
