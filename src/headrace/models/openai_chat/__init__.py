"""A client of OpenAI's chat completions protocol, and a LangChain chat model that uses it.

`client` speaks the protocol in plain data and does not import LangChain. `model` wraps it in a `BaseChatModel`;
importing that class costs langchain-core and langsmith, so import `model` only where LangChain's interface is needed.

Protocol: https://platform.openai.com/docs/api-reference/chat
"""
