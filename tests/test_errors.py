"""Each error class carries the HTTP status of the response that reports it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import headrace
from headrace.errors import HeadraceError, RetryLaterError

#: The status of every error that is not a failure inside the server (500).
STATUS_CODES = {
    "AccessTokenError": 401,
    "AddressBudgetError": 429,
    "ApprovalForbiddenError": 403,
    "ArchiveError": 400,
    "AuthorizationServerError": 502,
    "AutoLoginDisabledError": 400,
    "BodyBudgetError": 503,
    "BodyTooLargeError": 413,
    "BuildNotFoundError": 404,
    "BuildTooLargeError": 413,
    "ByteLimitError": 413,
    "ComponentBuildError": 400,
    "ComponentCodeError": 400,
    "CrossSiteError": 403,
    "DatabaseOpenError": 503,
    "DatabaseUnavailableError": 503,
    "EmptyPayloadError": 400,
    "EndpointNameError": 422,
    "EnvironmentSecretError": 403,
    "ExpiredKeyError": 403,
    "FileConflictError": 409,
    "FileTooLargeToReadError": 413,
    "FlowError": 400,
    "FlowNotFoundError": 404,
    "ForeignFileError": 409,
    "IdempotencyConflictError": 422,
    "InactiveOwnerError": 403,
    "InactiveTokenUserError": 401,
    "InactiveUserError": 400,
    "InvalidBodyError": 400,
    "InvalidInputError": 400,
    "InvalidKeyError": 403,
    "InvalidLoginError": 401,
    "InvalidTokenError": 401,
    "InvalidTweakError": 422,
    "LinkedFileConflictError": 409,
    "LinkedFileTakenError": 409,
    "LoadTimeoutError": 504,
    "LocalOnlyError": 403,
    "McpServerDisabledError": 501,
    "McpServerExistsError": 409,
    "McpServerNotFoundError": 404,
    "LocalSpeechError": 503,
    "LocalSpeechMissingError": 503,
    "MissingBlobError": 503,
    "MissingCredentialsError": 403,
    "MissingProviderKeyError": 404,
    "NewComponentError": 400,
    "NotSecretFieldError": 403,
    "ObjectNotFoundError": 404,
    "ParameterError": 400,
    "ParsingLimitError": 422,
    "PasswordQueueFullError": 503,
    "PathError": 400,
    "ProgramMissingError": 409,
    "ProjectAuthError": 400,
    "PublicCredentialError": 403,
    "QuotaError": 409,
    "RunMemoryError": 503,
    "RunTimeoutError": 504,
    "ServerStoppingError": 503,
    "SessionsDisabledError": 501,
    "SignatureError": 401,
    "SocketError": 502,
    "SpeechServiceError": 502,
    "StaleFlowError": 409,
    "StorageError": 503,
    "StorageFullError": 507,
    "StoreDisabledError": 400,
    "StoreItemMissingError": 404,
    "StoreKeyError": 400,
    "StoreServiceError": 502,
    "TableTooLargeError": 422,
    "TemplateError": 400,
    "TooManyAccountRunsError": 429,
    "TooManyEventStreamsError": 429,
    "TooManyJobsError": 429,
    "TooManyLoginsError": 429,
    "TooManyMcpConnectionsError": 429,
    "TooManyPartsError": 413,
    "TooManyRequestsError": 429,
    "TooManyRunsError": 429,
    "TooManySessionsError": 503,
    "TooManySourcesError": 429,
    "TooManyVoiceSessionsError": 429,
    "TooManyWorkersError": 429,
    "TweakError": 400,
    "UnapprovedCodeError": 400,
    "UnapprovedSourceError": 403,
    "UnknownFileError": 404,
    "UnknownParameterError": 400,
    "UnknownProgramError": 400,
    "UnknownRevisionError": 409,
    "UnsupportedOptionError": 400,
    "UnsupportedParameterError": 400,
    "UploadTooLargeError": 413,
    "VoiceEventError": 400,
    "WriteTimeoutError": 504,
    "WriterClosedError": 503,
}
#: Modules that run code when they are imported outside of their own program.
PROGRAMS = ("headrace.db.migrations.", "headrace.isolation.guest")


def subclasses_of(error: type[HeadraceError]) -> Iterator[type[HeadraceError]]:
    for subclass in error.__subclasses__():
        yield subclass
        yield from subclasses_of(subclass)


@pytest.fixture(scope="module")
def errors() -> dict[str, type[HeadraceError]]:
    for module in pkgutil.walk_packages(headrace.__path__, "headrace."):
        if not module.name.startswith(PROGRAMS) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return {error.__name__: error for error in subclasses_of(HeadraceError) if error.__module__.startswith("headrace.")}


@pytest.mark.parametrize("name", STATUS_CODES)
def test_an_error_has_its_status(name: str, errors: dict[str, type[HeadraceError]]) -> None:
    assert errors[name].status_code == STATUS_CODES[name]


def test_every_other_error_has_status_500(errors: dict[str, type[HeadraceError]]) -> None:
    others = {
        name: error.status_code
        for name, error in errors.items()
        if name not in STATUS_CODES and error.__module__ != "headrace.errors"
    }
    assert {name: status for name, status in others.items() if status != 500} == {}


def test_a_limit_states_when_to_retry() -> None:
    assert RetryLaterError("Too many runs.", 7).headers == {"Retry-After": "7"}
