"""Import the packages that stored flows need, before their first run.

An import of LangChain or of a provider's package takes up to two seconds. The import happens once
per process, after the start, in a thread with the lowest priority.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
import threading
from collections.abc import Iterable

from headrace.models.provider import providers

logger = logging.getLogger(__name__)

#: The modules for tools and models with LangChain's interfaces.
_LANGCHAIN = ("langchain_core.tools", "headrace.models.openai_chat.model", "headrace.models.langchain_adapter")
#: Components that use LangChain tools.
_AGENTS = frozenset({"Agent", "ToolCallingAgent", "OpenAIToolsAgent"})
#: Niceness of the importing thread, from 0 to 19.
_NICENESS = 19


def packages_for(component_types: Iterable[str], provider_names: Iterable[str], *, custom_code: bool) -> list[str]:
    """Return the modules that flows import at their first run and that are not imported yet.

    Args:
        component_types: the types of the flows' components.
        provider_names: the model providers that the components name.
        custom_code: whether a flow has a component with custom code.

    """
    all_providers = providers()
    modules = [m for name in provider_names if name in all_providers for m in all_providers[name].packages]
    if custom_code or not _AGENTS.isdisjoint(component_types):
        modules += _LANGCHAIN
    return [module for module in dict.fromkeys(modules) if module not in sys.modules]


def warm_up(
    component_types: Iterable[str], provider_names: Iterable[str] = (), *, custom_code: bool = False
) -> threading.Thread | None:
    """Import the packages of stored flows in the background. Return the thread, or None if all are imported already.

    The arguments are those of `packages_for`. Packages that are not installed are skipped; a run that needs one reports it.
    """
    modules = packages_for(component_types, provider_names, custom_code=custom_code)
    if not modules:
        return None
    thread = threading.Thread(target=_import_all, args=(modules,), name="headrace-warm-up", daemon=True)
    thread.start()
    return thread


def _import_all(modules: list[str]) -> None:
    with contextlib.suppress(OSError, AttributeError):
        # On Linux the priority belongs to the thread, not to the process.
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            logger.debug("Package %s cannot be imported in advance: %s", module, error)
