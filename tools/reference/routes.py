"""Generate the tables of routes from the routers of the application."""

from __future__ import annotations

import typing
from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from headrace.api.authentication import PUBLIC_PATHS
from headrace.api.dependencies import Superuser
from headrace.app import ROUTERS
from tools.reference.markdown import first_paragraph, format_code_list, format_table

_SUPERUSER_DEPENDENCY = typing.get_args(Superuser)[1].dependency


def routes_table(*tags: str) -> str:
    """Return a table of the routes that have one of these tags."""
    rows = [
        (
            f"`{method} {route.path_format}`",
            first_paragraph(route.description),
            _query_parameters(route),
            _caller(route),
        )
        for route in _routes()
        for method in sorted(route.methods or ())
        if set(route.tags) & set(tags) and not _is_alias(route)
    ]
    if not rows:
        raise ValueError(f"No route has one of the tags {tags}. The tags are {sorted(all_tags())}.")
    return format_table(("request", "description", "query", "caller"), rows)


def all_tags() -> set[str]:
    """Return the tags of all routes."""
    return {str(tag) for route in _routes() for tag in route.tags}


def _routes() -> Iterator[APIRoute]:
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                yield route


def _is_alias(route: APIRoute) -> bool:
    """Return whether the same route exists without the slash at the end."""
    return route.path.endswith("/") and any(r.path == route.path[:-1] for r in _routes())


def _caller(route: APIRoute) -> str:
    if _SUPERUSER_DEPENDENCY in _dependencies(route.dependant):
        return "superuser"
    return "anyone" if route.path in PUBLIC_PATHS else "user"


def _query_parameters(route: APIRoute) -> str:
    names = dict.fromkeys(parameter.alias for d in _tree(route.dependant) for parameter in d.query_params)
    return format_code_list(names)


def _dependencies(dependant: Dependant) -> set[object]:
    return {d.call for d in _tree(dependant)}


def _tree(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for child in dependant.dependencies:
        yield from _tree(child)
