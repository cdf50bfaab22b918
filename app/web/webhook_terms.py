"""What of a webhook can be changed: the part that its tag, and the form of its page, are about."""

from pydantic import BaseModel, ConfigDict


class WebhookTerms(BaseModel):
    """Of a `WebhookView`; what was delivered, and how well, is none of it."""

    model_config = ConfigDict(from_attributes=True)

    url: str
    description: str
    events: tuple[str, ...]
    reads_back: bool
    has_authorization: bool
    enabled: bool
