"""Webhooks on the wire."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.services.events import EventType
from app.services.webhooks import NewWebhook, WebhookChange

Address = Annotated[
    str,
    Field(
        max_length=2000,
        examples=["https://lims.example/pliant"],
        description="https:// anywhere; http:// and private ranges where an administrator lists "
        "them.",
    ),
]
Events = Annotated[list[EventType], Field(max_length=20, examples=[["sample.released"]])]
Description = Annotated[str, Field(max_length=200, examples=["LIMS, production"])]
ReadsBack = Annotated[
    bool,
    Field(description="Of a FHIR server: over only once it gave back what it was sent."),
]
AuthorizationHeader = Annotated[
    str,
    Field(
        max_length=2000,
        examples=["Bearer 5f4dcc3b"],
        description="The Authorization header that the receiver asks for; never shown again.",
    ),
]


class WebhookIn(BaseModel):
    """A destination: `webhook` is told of events; `fhir` gets the Bundle of each report."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "url": "https://lims.example/pliant",
                    "events": ["sample.released", "sample.amended"],
                    "description": "LIMS, production",
                }
            ]
        },
    )

    url: Address
    events: Events = []
    kind: Literal["webhook", "fhir"] = "webhook"
    description: Description = ""
    reads_back: ReadsBack = False
    authorization: AuthorizationHeader | None = None

    def new_webhook(self) -> NewWebhook:
        return NewWebhook(
            url=self.url,
            events=tuple(self.events),
            kind=self.kind,
            description=self.description,
            reads_back=self.reads_back,
            authorization=self.authorization,
        )


class WebhookChangeIn(BaseModel):
    """Only what is given changes; `enabled` switches off and on, and what waits goes on then.

    `authorization` is of one server: whoever moves `url` to another one gives its own, or none by
    an empty text.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"enabled": False}]})

    url: Address | None = None
    events: Events | None = None
    description: Description | None = None
    enabled: bool | None = None
    reads_back: ReadsBack | None = None
    authorization: AuthorizationHeader | None = None

    def change(self) -> WebhookChange:
        return WebhookChange(
            url=self.url,
            events=None if self.events is None else tuple(self.events),
            description=self.description,
            enabled=self.enabled,
            reads_back=self.reads_back,
            authorization=self.authorization,
        )
