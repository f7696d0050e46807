"""The objects that component code gets for the names that it imports from `lfx` and `langflow`."""

from __future__ import annotations

from headrace.compat.module_map.base_modules import BASE_MODULES
from headrace.compat.module_map.component_modules import COMPONENT_MODULES
from headrace.compat.module_map.support_modules import SUPPORT_MODULES

#: Module path below `lfx` or `langflow` to the names in it and their targets, `package.module:attribute`.
MODULE_MAP: dict[str, dict[str, str]] = {**COMPONENT_MODULES, **BASE_MODULES, **SUPPORT_MODULES}
