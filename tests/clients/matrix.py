"""The clients that the tests run against a server, and their capabilities.

`docs/clients.md` shows this matrix. The tests fail if a client does less or more, or in another way, than it says here.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.clients.client import ERRORS, Client, Runtime


def _images(function: str) -> dict[str, str]:
    return dict.fromkeys(("image_openai", "image_language_model", "image_agent"), function)


def _errors(wrong_key: str, unknown_model: str, failed_run: str, failed_stream: str) -> dict[str, str]:
    return {
        "wrong_key": wrong_key,
        "unknown_model": unknown_model,
        "failed_run": failed_run,
        "failed_stream": failed_stream,
    }


def _sdk_errors(failed_stream: str) -> dict[str, str]:
    return _errors("`AuthenticationError`", "`NotFoundError`", "`InternalServerError`", failed_stream)


_AI_SDK_CAPABILITIES = {
    "chat": "`generateText`",
    "stream": "`streamText`",
    "tools": "`generateText` with `tools` and `stopWhen`",
    "stream_tools": "`streamText` with `tools` and `stopWhen`",
    "agent_tools": "`streamText`",
    "structured": "`generateObject`",
    **_images("`generateText`"),
    "conversation": "`messages`",
    **_errors("`APICallError`", "`APICallError`", "`APICallError`", "error part"),
}
_AI_SDK_MISSING = {"models": "The AI SDK has no function for it."}
_LANGCHAIN_CAPABILITIES: Mapping[str, str] = {
    "chat": "`invoke`",
    "stream": "`stream`",
    "tools": "`bind_tools`, `invoke`",
    "stream_tools": "`bind_tools`, `stream`",
    "agent_tools": "`stream`",
    "structured": "`with_structured_output`",
    **_images("`invoke`"),
    "conversation": "messages",
    **_errors("`OpenAIAuthenticationError`", "`OpenAIModelNotFoundError`", "`OpenAIAPIError`", "`APIError`"),
}
_LANGCHAIN_MISSING = {"models": "LangChain has no function for it."}

CLIENTS = (
    Client(
        id="openai-python-chat",
        name="OpenAI SDK for Python, chat completions",
        script="openai_python.py",
        part="chat",
        runtime=Runtime.PYTHON,
        packages=("openai",),
        capabilities={
            "models": "`models.list`",
            "chat": "`chat.completions.create`",
            "stream": "`stream=True`",
            "tools": "`tools`",
            "stream_tools": "`chat.completions.stream`",
            "agent_tools": "`stream=True`",
            "structured": "`chat.completions.parse`",
            **_images("`image_url`"),
            "conversation": "`messages`",
            **_sdk_errors("`APIError`"),
        },
    ),
    Client(
        id="openai-python-responses",
        name="OpenAI SDK for Python, Responses",
        script="openai_python.py",
        part="responses",
        runtime=Runtime.PYTHON,
        packages=("openai",),
        capabilities={
            "models": "`models.retrieve`",
            "chat": "`responses.create`",
            "stream": "`stream=True`",
            "tools": "`tools`",
            "stream_tools": "`responses.stream`",
            "agent_tools": "`stream=True`",
            "structured": "`responses.parse`",
            **_images("`input_image`"),
            "conversation": "`previous_response_id`",
            **_sdk_errors("event response.failed"),
        },
    ),
    Client(
        id="openai-javascript-chat",
        name="OpenAI SDK for JavaScript, chat completions",
        script="openai_javascript.mjs",
        part="chat",
        runtime=Runtime.NODE,
        packages=("openai",),
        capabilities={
            "models": "`models.list`",
            "chat": "`chat.completions.create`",
            "stream": "`stream: true`",
            "tools": "`tools`",
            "stream_tools": "`chat.completions.stream`",
            "agent_tools": "`stream: true`",
            "structured": "`chat.completions.parse`, `zodResponseFormat`",
            **_images("`image_url`"),
            "conversation": "`messages`",
            **_sdk_errors("`APIError`"),
        },
    ),
    Client(
        id="openai-javascript-responses",
        name="OpenAI SDK for JavaScript, Responses",
        script="openai_javascript.mjs",
        part="responses",
        runtime=Runtime.NODE,
        packages=("openai",),
        capabilities={
            "models": "`models.retrieve`",
            "chat": "`responses.create`",
            "stream": "`stream: true`",
            "tools": "`tools`",
            "stream_tools": "`responses.stream`",
            "agent_tools": "`stream: true`",
            "structured": "`responses.parse`, `zodTextFormat`",
            **_images("`input_image`"),
            "conversation": "`previous_response_id`",
            **_sdk_errors("event response.failed"),
        },
    ),
    Client(
        id="langchain-chat",
        name="LangChain `ChatOpenAI`",
        script="chat_openai.py",
        part="chat",
        runtime=Runtime.PYTHON,
        packages=("langchain-openai",),
        capabilities=_LANGCHAIN_CAPABILITIES,
        missing=_LANGCHAIN_MISSING,
    ),
    Client(
        id="langchain-responses",
        name="LangChain `ChatOpenAI` with `use_responses_api`",
        script="chat_openai.py",
        part="responses",
        runtime=Runtime.PYTHON,
        packages=("langchain-openai",),
        capabilities={**_LANGCHAIN_CAPABILITIES, "failed_stream": "`ValueError`"},
        missing=_LANGCHAIN_MISSING,
    ),
    Client(
        id="litellm",
        name="LiteLLM",
        script="litellm_python.py",
        part="chat",
        runtime=Runtime.CLIENTS,
        packages=("litellm",),
        capabilities={
            "models": "`get_valid_models`",
            "chat": "`completion`",
            "stream": "`stream=True`",
            "tools": "`tools`",
            "stream_tools": "`tools`, `stream_chunk_builder`",
            "agent_tools": "`stream=True`",
            "structured": "`response_format`",
            **_images("`image_url`"),
            "conversation": "`messages`",
            **_sdk_errors("`MidStreamFallbackError`"),
        },
    ),
    Client(
        id="ai-sdk-openai",
        name="AI SDK with `@ai-sdk/openai`",
        script="ai_sdk.mjs",
        part="responses",
        runtime=Runtime.NODE,
        packages=("ai", "@ai-sdk/openai"),
        capabilities=_AI_SDK_CAPABILITIES,
        missing=_AI_SDK_MISSING,
    ),
    Client(
        id="ai-sdk-compatible",
        name="AI SDK with `@ai-sdk/openai-compatible`",
        script="ai_sdk.mjs",
        part="chat",
        runtime=Runtime.NODE,
        packages=("ai", "@ai-sdk/openai-compatible"),
        capabilities=_AI_SDK_CAPABILITIES,
        missing=_AI_SDK_MISSING,
    ),
    Client(
        id="llm",
        name="The command `llm`",
        script="llm_command.py",
        part="chat",
        runtime=Runtime.CLIENTS,
        packages=("llm",),
        capabilities={
            "chat": "`--no-stream`",
            "stream": "the default",
            "tools": "`--functions`, `--no-stream`",
            "stream_tools": "`--functions`",
            "agent_tools": "the default",
            "structured": "`--schema`",
            **_images("`-a`"),
            "conversation": "`--continue`",
            **dict.fromkeys(ERRORS, "status 1"),
        },
        missing={"models": "`llm models` lists the models of its file."},
    ),
    Client(
        id="curl",
        name="curl",
        script="curl.py",
        part="responses",
        runtime=Runtime.CURL,
        packages=(),
        capabilities={
            "models": "`/v1/models`",
            "chat": "`/v1/responses`",
            "stream": "`stream`",
            "tools": "`tools`",
            "stream_tools": "`tools`, `stream`",
            "agent_tools": "`stream`",
            "structured": "`text.format`",
            **_images("`input_image`"),
            "conversation": "`previous_response_id`",
            **_errors("status 22", "status 22", "status 22", "event response.failed"),
        },
    ),
)
LANGFLOW_CLIENTS = (
    Client(
        id="langflow-client",
        name="Langflow client for JavaScript",
        script="langflow_client.mjs",
        part="run",
        runtime=Runtime.NODE,
        packages=("@datastax/langflow-client",),
        capabilities={
            "run": "`run`",
            "stream": "`stream`",
            "agent_tools": "`stream`",
            "session": "`session_id`",
            "tweaks": "`tweak`",
            "flow_file": "`flow.uploadFile`",
            "user_file": "`files.upload`, `files.list`",
            **_images("`flow.uploadFile`"),
            "wrong_key": "`LangflowError`",
            "unknown_flow": "`LangflowError`",
            "failed_run": "`LangflowError`",
            "failed_stream": "event error",
        },
        missing={"logs": "The client sends no API key for the log. Read it with another client."},
    ),
)
