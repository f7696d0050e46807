"""Nest the loops of a flow.

The body of a loop becomes a level of its own, which runs once per item. A level is acyclic: in the level around a loop,
the loop's vertex represents its whole body.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from headrace.graph.errors import FlowError
from headrace.graph.vertex import Loop

if TYPE_CHECKING:
    from headrace.graph.flow import Edge, NodeId
    from headrace.graph.vertex import Subgraph, Vertex

#: Loops of a flow. The time to nest them grows with their number times the size of the flow.
MAX_LOOPS = 100
#: Error messages name at most this many vertices of a cycle.
MAX_NAMED_VERTICES = 5


def nest_loops(vertices: Subgraph, edges: Iterable[Edge]) -> Subgraph:
    """Return the outermost level of a flow. Each loop vertex in it holds the level of its body.

    Args:
        vertices: all vertices, connected by all edges except those back to loops.
        edges: all edges, including those back to loops.

    Raises:
        FlowError: there are too many loops, a loop body does not lead back to its loop, two loops overlap, or the flow has another cycle.

    """
    _check_acyclic(vertices)
    edges = list(edges)
    loop_backs = {edge.target: edge for edge in edges if edge.is_loop_back}
    if len(loop_backs) > MAX_LOOPS:
        raise FlowError(
            f"The flow has {len(loop_backs)} loops; at most {MAX_LOOPS} are allowed. Split it into several flows."
        )
    bodies = {loop: _loop_body(vertices, edges, loop_back) for loop, loop_back in loop_backs.items()}
    for (first, first_body), (second, second_body) in combinations(bodies.items(), 2):
        if first_body & second_body and not (first_body <= second_body or second_body <= first_body):
            raise FlowError(f"The loops {first} and {second} overlap. Move one of them completely into the other.")
    return _build_level(vertices, set(vertices), loop_backs, bodies)


def _loop_body(vertices: Subgraph, edges: list[Edge], loop_back: Edge) -> set[NodeId]:
    """Return the vertices that depend on the item output of a loop and on none of its other outputs."""
    loop, item_output = loop_back.target, loop_back.field
    starts = [edge for edge in edges if edge.source == loop and not edge.is_loop_back]
    per_item = _reachable(vertices, (edge.target for edge in starts if edge.output == item_output))
    after_loop = _reachable(vertices, (edge.target for edge in starts if edge.output != item_output))
    body = per_item - after_loop - {loop}
    if loop_back.source not in body:
        raise FlowError(
            f"The loop {vertices[loop].display_name} ({loop}) is not closed: {loop_back.source} leads back to it, but does "
            f"not depend on its output {item_output!r}. Connect that output to the first component of the loop."
        )
    return body


def _reachable(vertices: Subgraph, origins: Iterable[NodeId]) -> set[NodeId]:
    reached: set[NodeId] = set()
    pending = list(origins)
    while pending:
        current = pending.pop()
        if current not in reached:
            reached.add(current)
            pending += vertices[current].successors
    return reached


def _build_level(
    vertices: Subgraph, members: set[NodeId], loop_backs: Mapping[NodeId, Edge], bodies: Mapping[NodeId, set[NodeId]]
) -> Subgraph:
    """Return the level of the members, with the bodies of its outermost loops folded into their vertices."""
    nested = {i for loop in bodies if loop in members for i in bodies[loop]}
    outermost = [loop for loop in bodies if loop in members and loop not in nested]
    representatives = {i: loop for loop in outermost for i in bodies[loop]}
    level: dict[NodeId, Vertex] = {}
    for i in vertices:
        if i not in members or i in representatives:
            continue
        group = [i, *(bodies[i] if i in outermost else ())]
        predecessors = {representatives.get(p, p) for g in group for p in vertices[g].predecessors if p in members}
        successors = dict.fromkeys(
            representatives.get(s, s) for g in group for s in vertices[g].successors if s in members
        )
        loop = None
        if i in outermost:
            loop_back = loop_backs[i]
            body = _build_level(vertices, bodies[i], loop_backs, bodies)
            loop = Loop(loop_back.field, (loop_back.source, loop_back.output), body)
        level[i] = replace(
            vertices[i],
            predecessors=frozenset(predecessors - {i}),
            successors=tuple(s for s in successors if s != i),
            loop=loop,
        )
    _check_acyclic(level)
    return level


def _check_acyclic(level: Subgraph) -> None:
    waiting = {i: len(vertex.predecessors) for i, vertex in level.items()}
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
        cycle = sorted(set(level) - reached)[:MAX_NAMED_VERTICES]
        raise FlowError(
            f"The flow has a cycle through {', '.join(cycle)}. Remove one of its edges or use a Loop component."
        )
