"""Listen: receives the data that Notify components send under the same key."""

from headrace.component import Component, Output, StrInput
from headrace.component.component_run import run_of
from headrace.component.notifications import NOTIFICATIONS_FIELD
from headrace.schema import Data


class ListenComponent(Component):
    """Return the data that Notify components send under a key. It runs after all of these components."""

    name = "Listen"
    display_name = "Listen"
    description = "Receives the data that Notify components send under the same key."
    icon = "Radio"
    beta = True
    blocking = False
    listens = "context_key"
    inputs = [
        StrInput(
            name="context_key",
            display_name="Context Key",
            required=True,
            input_types=["Message"],
            info="The key that the Notify components use. Type it in: the server needs it before the run starts.",
        )
    ]
    outputs = [Output(name="data", display_name="Data", method="listen_for_data", cache=False)]

    def listen_for_data(self) -> Data:
        """Return the data of the last notifier, after all earlier data if that notifier appends."""
        received: list[Data] = []
        sources = [source for source in run_of(self).sources if isinstance(source, Component)]
        notifiers = [source for source in sources if type(source).notifies]
        for notifier, data in zip(notifiers, self.values.get(NOTIFICATIONS_FIELD) or [], strict=True):
            received = [*received, data] if notifier.append else [data]
        self.status = received
        if len(received) == 1:
            return received[0]
        return Data(data={"results": [data.data for data in received]} if received else {})
