"""Component sources that use other base classes than Component, the run, or the owner's files and messages."""

from __future__ import annotations

from typing import Any, NamedTuple


class Case(NamedTuple):
    """A component source, the input and answer of a run of it, and the types of its first output."""

    source: str
    input_value: str
    answer: Any
    types: list[str]


HEAD = """from lfx.custom import Component
from lfx.io import BoolInput, DataInput, HandleInput, IntInput, MessageTextInput, Output, StrInput
from lfx.schema import Data, DataFrame
from lfx.schema.message import Message
"""


def plain(body: str, *, imports: str = "", kind: str = "def", returns: str = "Message") -> str:
    """Return a component whose method `build` has this body."""
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    return (
        f"{HEAD}{imports}\n\nclass Sample(Component):\n    display_name = 'Sample'\n"
        "    inputs = [MessageTextInput(name='input_value', tool_mode=True)]\n"
        "    outputs = [Output(name='output', method='build')]\n\n"
        f"    {kind} build(self) -> {returns}:\n{lines}\n"
    )


STORE = """
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore
from lfx.base.vectorstores.model import LCVectorStoreComponent, check_cached_vector_store
from lfx.base.vectorstores.vector_store_connection_decorator import vector_store_connection
from lfx.io import IntInput, MessageTextInput
from lfx.schema import Data


@vector_store_connection
class Sample(LCVectorStoreComponent):
    display_name = "Sample"
    inputs = [
        MessageTextInput(name="input_value"),
        *LCVectorStoreComponent.inputs,
        IntInput(name="number_of_results", value=2),
    ]

    @check_cached_vector_store
    def build_vector_store(self) -> InMemoryVectorStore:
        store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
        store.add_texts(["a pear", "an apple", self.input_value])
        self.log("made")
        return store

    def search_documents(self) -> list[Data]:
        self.search_query = self.input_value
        found = super().search_documents()
        self.build_vector_store()
        assert len(self.logs) == 1, "the store is made once"
        return found[:1]
"""

SPLITTER = """
from langchain_text_splitters import CharacterTextSplitter, TextSplitter
from lfx.base.textsplitters.model import LCTextSplitterComponent
from lfx.io import MessageTextInput
from lfx.schema import Data


class Sample(LCTextSplitterComponent):
    display_name = "Sample"
    inputs = [MessageTextInput(name="input_value")]

    def get_data_input(self):
        return Data(text=self.input_value, page=1)

    def build_text_splitter(self) -> TextSplitter:
        return CharacterTextSplitter(separator=" ", chunk_size=5, chunk_overlap=0)
"""

COMPRESSOR = """
from langchain_core.documents import BaseDocumentCompressor
from lfx.base.compressors.model import LCCompressorComponent
from lfx.inputs.inputs import MessageTextInput
from lfx.schema import Data


class Shortest(BaseDocumentCompressor):
    def compress_documents(self, documents, query, callbacks=None):
        return sorted(documents, key=lambda d: len(d.page_content))[:1]


class Sample(LCCompressorComponent):
    display_name = "Sample"
    inputs = [MessageTextInput(name="input_value"), *LCCompressorComponent.inputs]

    def build_compressor(self):
        return Shortest()

    async def compress_documents(self) -> list[Data]:
        self.search_results = [Data(text=word) for word in self.input_value.split()]
        return await super().compress_documents()
"""

CHAIN = """
from langchain.chains import ConversationChain
from langchain.memory import ConversationBufferMemory
from langchain_core.language_models import FakeListChatModel
from lfx.base.chains.model import LCChainComponent
from lfx.inputs import MultilineInput
from lfx.schema import Message


class Sample(LCChainComponent):
    display_name = "Sample"
    inputs = [MultilineInput(name="input_value")]

    def invoke_chain(self) -> Message:
        model = FakeListChatModel(responses=["from the chain"])
        chain = ConversationChain(llm=model, memory=ConversationBufferMemory())
        return Message(text=chain.invoke({"input": self.input_value})["response"])
"""

AGENT = """
from langchain.agents import create_tool_calling_agent
from langchain_core.language_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import StructuredTool
from lfx.base.agents.agent import LCToolsAgentComponent


class Model(FakeMessagesListChatModel):
    def bind_tools(self, tools, **kwargs):
        return self


class Sample(LCToolsAgentComponent):
    display_name = "Sample"
    inputs = [*LCToolsAgentComponent.get_base_inputs()]

    def create_agent_runnable(self):
        call = AIMessage("", tool_calls=[{"name": "double", "args": {"n": 4}, "id": "1"}])
        model = Model(responses=[call, AIMessage("it is 8")])
        lines = [("human", "{input}"), ("placeholder", "{agent_scratchpad}")]
        return create_tool_calling_agent(model, self.tools, ChatPromptTemplate.from_messages(lines))

    async def message_response(self):
        self.tools = [StructuredTool.from_function(lambda n: 2 * int(n), name="double", description="Doubles.")]
        message = await super().message_response()
        step = message.content_blocks[0]["contents"][0]
        message.text += f" {step['name']} {step['output']}"
        return message
    outputs = [o for o in LCToolsAgentComponent.outputs if o.name == "response"]
    message_response.__annotations__["return"] = "Message"
"""

TOOL = """
from langchain_core.tools import StructuredTool
from lfx.base.langchain_utilities.model import LCToolComponent
from lfx.field_typing import Tool
from lfx.inputs import MessageTextInput
from lfx.schema import Data


class Sample(LCToolComponent):
    display_name = "Sample"
    inputs = [MessageTextInput(name="input_value")]

    def run_model(self) -> list[Data]:
        return [Data(text=self.build_tool().run({"word": self.input_value}))]

    def build_tool(self) -> Tool:
        return StructuredTool.from_function(lambda word: word.title(), name="title", description="A title.")
"""

FILES = """
from lfx.base.data.base_file import BaseFileComponent
from lfx.base.data.utils import parallel_load_data
from lfx.inputs import MessageTextInput


class Sample(BaseFileComponent):
    display_name = "Sample"
    VALID_EXTENSIONS = ["txt", "json"]
    inputs = [MessageTextInput(name="input_value"), *BaseFileComponent.get_base_inputs()]

    def process_files(self, file_list):
        loaded = parallel_load_data([str(f.path) for f in file_list], silent_errors=False, max_concurrency=2)
        return self.rollup_data(file_list, loaded)

    def load_files_message(self) -> "Message":
        self.path = self.input_value.split()
        return super().load_files_message()
"""

HISTORY = """
from langchain_core.chat_history import InMemoryChatMessageHistory
from lfx.base.memory.model import LCChatMemoryComponent
from lfx.field_typing.constants import Memory
from lfx.inputs import MessageTextInput
from lfx.io import Output
from lfx.schema import Message


class Sample(LCChatMemoryComponent):
    display_name = "Sample"
    inputs = [MessageTextInput(name="input_value")]
    outputs = [Output(name="text", method="history_text"), *LCChatMemoryComponent.outputs]

    def build_message_history(self) -> Memory:
        return InMemoryChatMessageHistory()

    def history_text(self) -> Message:
        memory = self.build_base_memory()
        memory.save_context({"input": self.input_value}, {"output": "hello"})
        return Message(text=memory.load_memory_variables({})["history"])
"""

SEVERAL = """
from lfx.custom import Component
from lfx.io import MessageTextInput, Output
from lfx.schema import Data, Message


class Sample(Component):
    display_name = "Sample"
    inputs = [MessageTextInput(name="input_value")]
    outputs = [
        Output(name="first", method="one", group_outputs=True),
        Output(name="second", method="two", types=["Data"], selected="Data", hidden=False),
        Output(name="third", method="three", required_inputs=["input_value"], tool_mode=False),
    ]

    def one(self) -> Message:
        self.made = self.input_value * 2
        return Message(text=self.made)

    def two(self) -> Data:
        return Data(made=self.made)

    async def three(self) -> Message | Data:
        return Message(text="third")
"""

SOURCES = {
    "vector store": Case(STORE, "a plum", {"text": "a plum"}, ["Data"]),
    "text splitter": Case(
        SPLITTER, "one two three", [{"text": w, "page": 1} for w in ("one", "two", "three")], ["Data"]
    ),
    "compressor": Case(COMPRESSOR, "longest mid s", {"text": "s"}, ["Data"]),
    "chain of older LangChain": Case(CHAIN, "x", "from the chain", ["Message"]),
    "agent of older LangChain": Case(AGENT, "double four", "it is 8 double 8", ["Message"]),
    "tool": Case(TOOL, "hello", {"text": "Hello"}, ["Data"]),
    "chat memory": Case(HISTORY, "hi", "Human: hi\nAI: hello", ["Message"]),
    "several outputs": Case(SEVERAL, "ab", "abab", ["Message"]),
    "the session's messages": Case(
        plain(
            "await astore_message(Message(text='kept', sender='User', sender_name='U', session_id=self.graph.session_id))\n"
            "found = await aget_messages(session_id=self.graph.session_id, order='ASC', limit=9)\n"
            "return Message(text=' '.join(m.text for m in found))",
            imports="from lfx.memory import aget_messages, astore_message\n",
            kind="async def",
        ),
        "said",
        "said kept",
        ["Message"],
    ),
    "messages from a plain method": Case(
        plain(
            "found = run_until_complete(aget_messages(sender='User', limit=1))\nreturn Message(text=found[0].text + '!')",
            imports="from lfx.memory import aget_messages\nfrom lfx.utils.async_helpers import run_until_complete\n",
        ),
        "said",
        "said!",
        ["Message"],
    ),
    "a stored file": Case(
        plain(
            "path = await self.context.save_file('note.txt', self.input_value.encode())\n"
            "folder, name = parse_storage_path(path)\n"
            "size = await get_storage_service().get_file_size(folder, name)\n"
            "return Message(text=await read_file_text(path) + f' {size}')",
            imports="from lfx.base.data.storage_utils import parse_storage_path, read_file_text\n"
            "from lfx.services.deps import get_storage_service\n",
            kind="async def",
        ),
        "noted",
        "noted 5",
        ["Message"],
    ),
    "services": Case(
        plain(
            "settings = get_settings_service().settings\n"
            "async with session_scope() as session:\n"
            "    user = await get_user_by_id(session, self.user_id)\n"
            "    other = await get_user_by_id(session, '00000000-0000-0000-0000-000000000000')\n"
            "return Message(text=f'{settings.storage_type} {str(user.id) == self.user_id} {other}')",
            imports="from lfx.services.deps import get_settings_service, session_scope\n"
            "from langflow.services.database.models.user.crud import get_user_by_id\n",
            kind="async def",
        ),
        "x",
        "local True None",
        ["Message"],
    ),
    "content blocks": Case(
        plain(
            "block = ContentBlock(title='Steps', contents=[TextContent(text='one')])\n"
            "message = Message(text='shown', sender='Machine', sender_name='S', content_blocks=[block])\n"
            "kept = await self.send_message(message)\nreturn Message(text=str(bool(kept.id)))",
            imports="from lfx.schema.content_block import ContentBlock\nfrom lfx.schema.content_types import TextContent\n",
            kind="async def",
        ),
        "x",
        "True",
        ["Message"],
    ),
    "conversions between values": Case(
        plain(
            "data = Data(text='t', n=1)\n"
            "table = data.to_dataframe().add_row({'text': 'u', 'n': 2}).add_rows([Data(text='v', n=3)])\n"
            "message = Message.from_template('{a} and {b}', a='x', b=Message(text='y'))\n"
            "copy = Message.from_lc_message(message.to_lc_message())\n"
            "assert Data.from_document(data.to_lc_document()).data == data.data\n"
            "assert [d.page_content for d in table.to_lc_documents()] == ['t', 'u', 'v']\n"
            "assert data.filter_data('n').data == {'result': 1}\n"
            "assert data.to_message().text == 't' and copy.to_data().data['text'] == copy.text\n"
            "return Message(text=f'{copy.text} {copy.sender} {list(table.n)} {table.to_data().data[\"results\"][2]}')",
        ),
        "x",
        "x and y User [1, 2, 3] {'text': 'v', 'n': 3}",
        ["Message"],
    ),
    "a table": Case(
        plain("return DataFrame([Data(a=1, b='x'), Data(a=2, b='y')])", returns="DataFrame"),
        "x",
        "|   a | b   |\n|----:|:----|\n|   1 | x   |\n|   2 | y   |",
        ["DataFrame"],
    ),
    "schemas": Case(
        plain(
            "class Person(BaseModel):\n    name: str\n    age: int | None = Field(3, description='Years.')\n"
            "fields = schema_to_langflow_inputs(Person)\n"
            "made = create_input_schema_from_json_schema(flatten_schema(Person.model_json_schema()))\n"
            "nested = maybe_unflatten_dict({'a.b[1]': 1, 'c': 2})\n"
            "return Message(text=f'{[(f.name, f.field_type, f.required) for f in fields]} {list(made.model_fields)} {nested}')",
            imports="from pydantic import BaseModel, Field\n"
            "from lfx.base.agents.utils import maybe_unflatten_dict\n"
            "from lfx.base.mcp.util import create_input_schema_from_json_schema\n"
            "from lfx.io.schema import flatten_schema, schema_to_langflow_inputs\n",
        ),
        "x",
        "[('name', 'str', True), ('age', 'int', False)] ['name', 'age'] {'a': {'b': [None, 1]}, 'c': 2}",
        ["Message"],
    ),
    "templates": Case(
        plain(
            "node, custom = {'template': {'value': ''}}, {}\n"
            "names = process_prompt_template('{who} is {what}', 'template', custom, node)\n"
            "new = {'who': {'value': ''}}\nupdate_template_values(new, {'who': {'value': 'kept'}})\n"
            "return Message(text=f'{names} {sorted(node)} {new}')",
            imports="from lfx.base.prompts.api_utils import process_prompt_template\n"
            "from lfx.template.utils import update_template_values\n",
        ),
        "x",
        "['who', 'what'] ['template', 'what', 'who'] {'who': {'value': 'kept'}}",
        ["Message"],
    ),
    "connection strings and server info": Case(
        plain(
            "parts = [transform_connection_string('db://me:p@ss@host/x'), get_user_agent().split()[0],\n"
            "    str(serialize({'a': 'xxxx'}, max_length=2)), get_version_info()['package'], str(len(OPENAI_EMBEDDING_MODEL_NAMES))]\n"
            "return Message(text=' '.join(parts))",
            imports="from lfx.base.models.openai_constants import OPENAI_EMBEDDING_MODEL_NAMES\n"
            "from lfx.serialization import serialize\nfrom lfx.utils.connection_string_parser import transform_connection_string\n"
            "from lfx.utils.request_utils import get_user_agent\nfrom lfx.utils.version import get_version_info\n",
        ),
        "x",
        "db://me:p%40ss@host/x headrace {'a': 'xx...'} headrace 3",
        ["Message"],
    ),
    "blocked URLs": Case(
        plain(
            "try:\n    validate_url_for_ssrf('http://10.0.0.1/')\nexcept SSRFProtectionError as error:\n"
            "    return Message(text=str(error)[:8])",
            imports="from lfx.utils.ssrf_protection import SSRFProtectionError, validate_url_for_ssrf\n",
        ),
        "x",
        "10.0.0.1",
        ["Message"],
    ),
    "a call of a model": Case(
        plain(
            "model = FakeListChatModel(responses=['asked'])\n"
            "return Message(text=get_chat_result(model, self.input_value) + ' ' + get_model_name(model))",
            imports="from langchain_core.language_models import FakeListChatModel\n"
            "from lfx.base.models.chat_result import get_chat_result\nfrom lfx.base.models.model_utils import get_model_name\n",
        ),
        "x",
        "asked Custom",
        ["Message"],
    ),
    "converters and caches": Case(
        plain(
            'table = convert_to_dataframe(Message(text=\'[{"a": 1}, {"a": 2}]\'), auto_parse=True)\n'
            "found = chroma_collection_to_data({'ids': ['1'], 'documents': ['d'], 'metadatas': [{'m': 2}]})[0].data\n"
            "cache = {}\nsafe_cache_set(cache, 'k', 'v')\n"
            "kept = [safe_cache_get(cache, 'k'), safe_cache_get(cache, 'l', 'none')]\n"
            "rows = self.to_data([{'x': 1, 'y': 2}], keys=['x'])\n"
            "references = self.create_references_from_data([Data(text='one')])\n"
            "return Message(text=f'{list(table.a)} {found} {kept} {rows[0].data} {references!r}')",
            imports="from lfx.base.agents.utils import safe_cache_get, safe_cache_set\n"
            "from lfx.base.vectorstores.utils import chroma_collection_to_data\n"
            "from lfx.components.processing.converter import convert_to_dataframe\n",
        ),
        "x",
        "[1, 2] {'id': '1', 'text': 'd', 'm': 2} ['v', 'none'] {'x': 1} '---\\n- one'",
        ["Message"],
    ),
    "a curl command": Case(
        plain(
            "asked = parse_context(self.input_value)\n"
            "return Message(text=f'{asked.method} {asked.url} {asked.headers} {asked.data} {asked.cookies} {asked.auth} {asked.verify}')",
            imports="from lfx.base.curl.parse import parse_context\n",
        ),
        "curl 'https://host/x' -H 'a: b' --data '{\"n\": 1}' -b 'c=d; e=f' -u me:word -k",
        "post https://host/x {'a': 'b'} {\"n\": 1} {'c': 'd', 'e': 'f'} ('me', 'word') False",
        ["Message"],
    ),
    "field types": Case(
        plain(
            "return Message(text=FieldTypes.SLIDER.value + str(isinstance(self.inputs[0], InputTypes)))",
            imports="from lfx.inputs.inputs import FieldTypes, InputTypes\n",
        ),
        "x",
        "sliderTrue",
        ["Message"],
    ),
    "a built-in component": Case(
        "from lfx.components.helpers import CurrentDateComponent\n"
        + plain("return Message(text=CurrentDateComponent.display_name)"),
        "x",
        "Current Date",
        ["Message"],
    ),
}

OLLAMA = plain(
    "if not await is_valid_ollama_url(self.input_value):\n    return Message(text='nobody')\n"
    "return Message(text=' '.join(await get_ollama_models(self.input_value, 'tools', 'models', 'name', 'capabilities')))",
    imports="from lfx.base.models.model_utils import get_ollama_models, is_valid_ollama_url\n",
    kind="async def",
)

MCP = plain(
    "http = MCPStreamableHttpClient()\n"
    "mode, tools, by_name = await update_tools('weather', {'url': self.input_value}, mcp_streamable_http_client=http)\n"
    "result = await by_name['forecast'].ainvoke({'city': 'Oslo'})\n"
    "direct = await MCPStdioClient().connect_to_server(f'uvx mcp-proxy {self.input_value}')\n"
    "await http.disconnect()\n"
    "return Message(text=f'{mode} {len(tools)} {result.content[0].text} {len(direct)}')",
    imports="from lfx.base.mcp.util import MCPStdioClient, MCPStreamableHttpClient, update_tools\n",
    kind="async def",
)
