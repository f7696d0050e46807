"""Voice sessions: who may open one, with which flow and which key of a provider."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit
from uuid import UUID

from headrace.component.environment_secret import EnvironmentSecret
from headrace.db import flows
from headrace.db.encryption import UnreadableSecretError
from headrace.errors import HeadraceError, RetryLaterError, UnprocessableError
from headrace.limits.account import Account
from headrace.limits.fair_slots import FairSlots
from headrace.net.guarded_socket import open_socket
from headrace.runs.active_runs import ActiveRuns
from headrace.runs.errors import InactiveOwnerError
from headrace.runs.variables import find_secret
from headrace.voice.conversation_log import ConversationLog
from headrace.voice.events import error_event
from headrace.voice.flow_tool import FlowTool
from headrace.voice.local_speech import LocalSpeech, LocalSpeechMissingError
from headrace.voice.provider_key import ELEVENLABS_KEY, OPENAI_KEY, MissingProviderKeyError
from headrace.voice.realtime_session import ModelConnection, RealtimeSession
from headrace.voice.session_end import INTERNAL_ERROR, NORMAL, ClientGoneError, Close
from headrace.voice.session_tasks import SessionLimits
from headrace.voice.speech_services import ElevenLabs, OpenAIRecognizer, OpenAISynthesizer
from headrace.voice.tts_session import SpeechProviders, TtsSession

if TYPE_CHECKING:
    from headrace.runs.flow_resolver import FlowResolver
    from headrace.runs.runner import Runner
    from headrace.runs.services import RunServices
    from headrace.settings import VoiceSettings
    from headrace.voice.session_settings import SessionSettings
    from headrace.voice.sockets import ClientSocket
    from headrace.voice.speaker import SelectSynthesizer
    from headrace.voice.speech_services import Synthesizer

log = logging.getLogger(__name__)

#: Characters of the name of a session.
MAX_SESSION_CHARACTERS = 255
#: The name of a flow's function: what models accept, at most 64 characters.
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]+")
MAX_FUNCTION_NAME_CHARACTERS = 64
MAX_DESCRIPTION_CHARACTERS = 1000


class TooManyVoiceSessionsError(RetryLaterError):
    """The user has as many voice sessions as possible."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"Too many voice sessions are open; the server has at most {limit}, which users share. Close one, or try again later. "
            "An operator can raise HEADRACE_MAX_VOICE_SESSIONS.",
            seconds=5,
        )


@dataclass(frozen=True, slots=True)
class VoiceSession:
    """A session that a user may open, before the connection is accepted."""

    tool: FlowTool
    conversation: ConversationLog


class VoiceSessionService:
    """Opens voice sessions of users with their flows."""

    def __init__(self, services: RunServices, resolver: FlowResolver, runner: Runner, settings: VoiceSettings) -> None:
        """Create the service.

        Args:
            services: what runs use: the database, the variables of users and the network.
            resolver: finds the flows.
            runner: runs the flows.
            settings: the servers of models, and the limits.

        """
        self._services = services
        self._resolver = resolver
        self._runner = runner
        self._settings = settings
        self._slots = FairSlots(settings.max_sessions)
        self._active = ActiveRuns(services.database)
        #: The speech services on this machine, created on first use.
        self._local: LocalSpeech | None = None
        self._limits = SessionLimits(settings.session_seconds, settings.send_seconds)
        for url in settings.urls:
            services.resources.egress.allow_endpoint(_http_url(url))

    @property
    def open_sessions(self) -> int:
        """The number of open sessions of this process."""
        return self._slots.held

    async def is_available(self, user: UUID) -> bool:
        """Return whether a session of a user can work: with the user's key, or with speech services on this machine."""
        is_local = self._settings.speech_services != "openai" and LocalSpeech.is_installed()
        return is_local or await self._has_key(user)

    async def _has_key(self, user: UUID) -> bool:
        try:
            return bool(await find_secret(self._services, user, OPENAI_KEY))
        except UnreadableSecretError:
            return False

    def close(self) -> None:
        """Release the threads of the speech services on this machine."""
        if self._local is not None:
            self._local.close()

    @asynccontextmanager
    async def reserve(self, user: UUID, flow: str, session_id: str | None) -> AsyncIterator[VoiceSession]:
        """Reserve a session with one of a user's flows, and release it at the end.

        Args:
            user: the owner of the flow.
            flow: the id or endpoint name of the flow.
            session_id: the session of the messages; None for the session with the id of the flow.

        Raises:
            FlowNotFoundError: The user has no such flow.
            FlowError: The flow cannot be run.
            UnprocessableError: The session id is too long.
            TooManyVoiceSessionsError: The user has as many sessions as possible.

        """
        if session_id is not None and len(session_id) > MAX_SESSION_CHARACTERS:
            raise UnprocessableError(
                f"The session id is longer than {MAX_SESSION_CHARACTERS} characters. Use a shorter one."
            )
        runnable = await self._resolver.resolve(user, flow)
        account = Account(str(user))
        if not self._slots.try_acquire(account):
            raise TooManyVoiceSessionsError(self._slots.total)
        try:
            tool = await self._create_tool(user, runnable.flow_id, session_id or str(runnable.flow_id))
            conversation = ConversationLog(
                self._services.database, self._services.message_quota, user, tool.flow_id, tool.session_id
            )
            yield VoiceSession(tool, conversation)
        finally:
            self._slots.release(account)

    async def run_realtime(self, session: VoiceSession, client: ClientSocket) -> Close | None:
        """Serve a session with the realtime model; return the close frame for the client, or None if it has gone."""
        settings = self._settings
        url = settings.realtime_url
        url += f"{'&' if urlsplit(url).query else '?'}model={quote(settings.realtime_model, safe='')}"
        try:
            key = await self._find_key(session.tool.owner, OPENAI_KEY)
            headers = {"authorization": f"Bearer {key}"}
            if settings.realtime_protocol == "beta":
                headers["openai-beta"] = "realtime=v1"
            model = await open_socket(self._services.resources.egress, url, headers)
        except HeadraceError as error:
            return await self._refuse(client, error)
        connection = ModelConnection(model, settings.realtime_protocol)
        select = self._synthesizer_selection(session.tool.owner)
        realtime = RealtimeSession(client, connection, session.tool, session.conversation, select, self._limits)
        return await self._run_while_active(session, client, realtime)

    async def run_tts(self, session: VoiceSession, client: ClientSocket) -> Close | None:
        """Serve a session with speech services; return the close frame for the client, or None if it has gone."""
        owner = session.tool.owner
        try:
            providers = await self._speech_providers(owner)
        except HeadraceError as error:
            return await self._refuse(client, error)
        tts = TtsSession(client, session.tool, session.conversation, providers, self._limits)
        return await self._run_while_active(session, client, tts)

    async def list_elevenlabs_voices(self, user: UUID) -> list[dict[str, str]]:
        """Return the id and the name of each voice of a user's account at ElevenLabs.

        Raises:
            MissingProviderKeyError: The user has no key of ElevenLabs.
            SpeechServiceError: ElevenLabs refuses the key, or fails.

        """
        key = await self._find_key(user, ELEVENLABS_KEY)
        return await ElevenLabs(self._services.resources.egress, self._settings, key).list_voices()

    async def _speech_providers(self, user: UUID) -> SpeechProviders:
        choice = self._settings.speech_services
        if choice == "local" and not LocalSpeech.is_installed():
            raise LocalSpeechMissingError
        if choice == "local" or (choice == "auto" and LocalSpeech.is_installed() and not await self._has_key(user)):
            local = self._local = self._local or LocalSpeech()
            return SpeechProviders(local.recognizer, self._synthesizer_selection(user, local.synthesizer))
        key = await self._find_key(user, OPENAI_KEY)
        recognizer = OpenAIRecognizer(self._services.resources.egress, self._settings, key)
        return SpeechProviders(recognizer, self._synthesizer_selection(user))

    def _synthesizer_selection(self, user: UUID, default: Synthesizer | None = None) -> SelectSynthesizer:
        egress = self._services.resources.egress

        async def select(choice: SessionSettings) -> Synthesizer:
            if choice.provider == "elevenlabs":
                key = await self._find_key(user, ELEVENLABS_KEY)
                return ElevenLabs(egress, self._settings, key, choice.elevenlabs_voice)
            if default is not None:
                return default
            key = await self._find_key(user, OPENAI_KEY)
            return OpenAISynthesizer(egress, self._settings, key, choice.voice)

        return select

    async def _run_while_active(
        self, session: VoiceSession, client: ClientSocket, talk: RealtimeSession | TtsSession
    ) -> Close | None:
        """Serve a session that ends when its user is deactivated or deleted."""
        seconds = self._limits.session_seconds + self._limits.send_seconds
        try:
            async with self._active.deadline(session.tool.owner, seconds):
                return await talk.run()
        except InactiveOwnerError as error:
            return await self._refuse(client, error, "inactive_user")
        except TimeoutError:
            # The session has sent its own error at its time limit, but the client does not read it.
            return None

    async def _refuse(
        self, client: ClientSocket, error: HeadraceError, code: str = "model_unavailable"
    ) -> Close | None:
        """Report an error that prevents a session from starting or continuing."""
        is_missing_key = isinstance(error, MissingProviderKeyError)
        event = error_event(
            error.message,
            code="missing_api_key" if is_missing_key else code,
            kind="invalid_request_error" if is_missing_key else "server_error",
            param=error.name if isinstance(error, MissingProviderKeyError) else None,
        )
        try:
            await client.send(event)
        except ClientGoneError:
            return None
        return Close(NORMAL, "missing_api_key") if is_missing_key else Close(INTERNAL_ERROR, code)

    async def _find_key(self, user: UUID, name: str) -> str:
        try:
            key = await find_secret(self._services, user, name)
        except UnreadableSecretError:
            key = None
        if not key:
            raise MissingProviderKeyError(name)
        # Only the operator configures the addresses that receive the key.
        return key.reveal_in_server() if isinstance(key, EnvironmentSecret) else key

    async def _create_tool(self, user: UUID, flow_id: UUID, session_id: str) -> FlowTool:
        async with self._services.database.connect() as connection:
            row = await flows.get(connection, user, flow_id)
        columns = row or {"name": "", "description": "", "action_name": None, "action_description": None}
        name = _NOT_IN_NAMES.sub("_", str(columns["action_name"] or columns["name"])).strip("_")
        description = str(columns["action_description"] or columns["description"] or "")
        return FlowTool(
            runner=self._runner,
            resolver=self._resolver,
            owner=user,
            flow_id=flow_id,
            session_id=session_id,
            name=name[:MAX_FUNCTION_NAME_CHARACTERS] or "run_flow",
            description=description[:MAX_DESCRIPTION_CHARACTERS] or f"Run the flow {columns['name']!r}.",
        )


def _http_url(url: str) -> str:
    """Return the URL of a WebSocket with the scheme of HTTP, which decides about its default port."""
    return url.replace("ws", "http", 1) if url.startswith("ws") else url
