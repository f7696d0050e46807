"""Advice for names of `lfx` and `langflow` that have no counterpart in headrace."""

from __future__ import annotations

#: The start of a module path below `lfx` or `langflow` to the alternative. The first entry that matches applies.
MIGRATION_HINTS: dict[str, str] = {
    "api": "Components cannot call the server's own API. Use the methods of the component instead.",
    "base.agents.altk": "Use the Agent component, which calls tools with any model.",
    "base.agents.crewai": "Import the package crewai directly, or connect Agents as tools of each other.",
    "base.astra_assistants": "Import the package astra-assistants directly.",
    "base.data.docling_utils": "Import the package docling directly.",
    "base.data.utils": "Use read_file_text or parse_text_file_to_data, which read a file of the flow's owner.",
    "base.datastax": "Import the package astrapy directly.",
    "base.embeddings.aiml": "Inherit from LCEmbeddingsModel.",
    "base.flow_processing": "Use self.run_flow, which returns the outputs of another flow.",
    "base.knowledge_bases": "Connect a Knowledge Retrieval component.",
    "base.langwatch": "Import the package langwatch directly.",
    "base.models.aiml": "Import the provider's package directly.",
    "base.models.google_generative_ai_model": "Use ChatGoogleGenerativeAI of langchain-google-genai.",
    "base.models.groq": "Use ChatGroq of langchain-groq.",
    "base.tools": "Use the components Run Flow and Flow as Tool, which turn flows into tools.",
    "custom.utils": "Use a Python Interpreter component to run code from a field.",
    "graph": "Use self.graph for the session and the flow, or Graph to write flows in Python.",
    "helpers": "Use self.run_flow, which runs another flow of the same owner.",
    "services": "Use the methods of the component: self.get_variables, self.send_message, self.log.",
}
