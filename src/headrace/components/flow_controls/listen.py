"""Listen: hears what Notify told under the same key."""

from headrace.component import Component, Output, StrInput
from headrace.schema import Data


class ListenComponent(Component):
    """Gives what components Notify with the same key told; it runs once they have."""

    name = "Listen"
    display_name = "Listen"
    description = "Hears what Notify tells under a key."
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
            info="What it is told under. Type it in: it has to be known before the run.",
        )
    ]
    outputs = [Output(name="data", display_name="Data", method="listen_for_data", cache=False)]

    def listen_for_data(self) -> Data:
        """Return what was told last, or everything where one that told it adds to what was there."""
        heard: list[Data] = []
        tellers = [source for source in self.sources if source.notifies]
        for teller, told in zip(tellers, self.values.get("heard") or [], strict=True):
            heard = [*heard, told] if teller.append else [told]
        self.status = heard
        if len(heard) == 1:
            return heard[0]
        return Data(data={"results": [told.data for told in heard]} if heard else {})
