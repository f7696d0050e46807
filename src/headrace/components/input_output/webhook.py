"""Webhook: what another program sends."""

import json
from json import JSONDecodeError

from headrace.component import Component, MultilineInput, Output, SecretStrInput
from headrace.schema import Data


class WebhookComponent(Component):
    """Takes the body of a request to the flow's webhook and hands it on as data."""

    name = "Webhook"
    display_name = "Webhook"
    description = "Begins the flow when another program calls its address."
    icon = "webhook"
    blocking = False
    inputs = [
        MultilineInput(
            name="data", display_name="Payload", advanced=True, info="What was sent; a text to try it with."
        ),
        MultilineInput(
            name="curl",
            display_name="cURL",
            value="CURL_WEBHOOK",
            advanced=True,
            input_types=[],
            info="How to call it from a shell.",
        ),
        MultilineInput(
            name="endpoint", display_name="Endpoint", value="BACKEND_URL", input_types=[], info="The address to call."
        ),
        SecretStrInput(
            name="signature_secret",
            display_name="Signature Secret",
            advanced=True,
            info="Where set, calls without a header X-Hub-Signature-256 made with it are refused.",
        ),
    ]
    outputs = [Output(name="output_data", display_name="Data", method="build_data")]

    def build_data(self) -> Data:
        """Return a JSON object as it was sent, and anything else under `payload`."""
        try:
            sent = json.loads(self.data) if self.data else {}
        except JSONDecodeError:
            sent = self.data
        data = Data(data=sent if isinstance(sent, dict) else {"payload": sent})
        self.status = data
        return data
