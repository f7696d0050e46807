"""Webhook: the body of an HTTP request that starts a run."""

import json

from headrace.component import Component, MultilineInput, Output, SecretStrInput
from headrace.schema import Data


class WebhookComponent(Component):
    """Return the body of a request to the flow's webhook as data."""

    name = "Webhook"
    display_name = "Webhook"
    description = "Starts the flow when another program sends a request to its endpoint."
    icon = "webhook"
    blocking = False
    inputs = [
        MultilineInput(
            name="data",
            display_name="Payload",
            advanced=True,
            info="Body of the request. Enter a text to test the flow without a request.",
        ),
        MultilineInput(
            name="curl",
            display_name="cURL",
            value="CURL_WEBHOOK",
            advanced=True,
            input_types=[],
            info="cURL command that calls the webhook.",
        ),
        MultilineInput(
            name="endpoint",
            display_name="Endpoint",
            value="BACKEND_URL",
            input_types=[],
            info="URL to send requests to.",
        ),
        SecretStrInput(
            name="signature_secret",
            display_name="Signature Secret",
            advanced=True,
            info="If set, requests without a valid X-Hub-Signature-256 header are rejected.",
        ),
    ]
    outputs = [Output(name="output_data", display_name="Data", method="build_data")]

    def build_data(self) -> Data:
        """Return a JSON object unchanged, and any other body under `payload`."""
        try:
            body = json.loads(self.data) if self.data else {}
        except (ValueError, RecursionError):
            body = self.data
        data = Data(data=body if isinstance(body, dict) else {"payload": body})
        self.status = data
        return data
