from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any, Literal, Self, TypedDict, TypeVar, final

_F = TypeVar("_F", bound=Callable[..., Any])

class _Option(TypedDict):
    name: str
    variable: str
    kind: Literal["flag", "number", "text"]
    default: str
    doc: str

class _Pass(TypedDict):
    name: str
    optional: bool
    doc: str

__version__: str

@final
class Pause:
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None = ..., value: BaseException | None = ..., traceback: TracebackType | None = ..., /
    ) -> Literal[False]: ...

def enable(
    *,
    threshold: int = ...,
    loop_threshold: int = ...,
    warm_up: int = ...,
    background: bool = ...,
    exit_limit: int = ...,
    recompilation_limit: int = ...,
    code_cap: int = ...,
    size_limit: int = ...,
    crash_guard: bool = ...,
    stats: bool = ...,
    perf: bool = ...,
    dump: str = ...,
    filter: str = ...,
    allow: str = ...,
    log_compiled: bool = ...,
    disable_passes: str = ...,
    fuel: int = ...,
    verify: bool = ...,
    stress_exits: int = ...,
    stress_discard: int = ...,
    wrong_layout: str = ...,
    seed: int = ...,
) -> bool: ...
def check_environment() -> None: ...
def disable() -> None: ...
def is_enabled() -> bool: ...
def pause() -> Pause: ...
def compile(function: _F) -> _F: ...
def never(function: _F) -> _F: ...
def is_compiled(function: Callable[..., Any] | CodeType) -> bool: ...
def stats() -> dict[str, Any]: ...
def explain(function: Callable[..., Any] | CodeType) -> str: ...
def dump(function: Callable[..., Any] | CodeType, what: str = "ir") -> str: ...
def describe_options() -> list[_Option]: ...
def describe_passes() -> list[_Pass]: ...
