"""What a receiver is asked to answer: the contract's `webhooks`, which no address here serves."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header
from pydantic import BaseModel

from app.api.v1.schemas import event_messages as schemas

router = APIRouter(tags=["messages to a receiver"])

MessageId = Annotated[str, Header(description="The same on each try: known means already taken.")]
SentAt = Annotated[int, Header(description="Of this try, in seconds since 1970.")]
Signatures = Annotated[
    str,
    Header(
        description="`v1,` and the Base64 HMAC-SHA256 of `id.timestamp.body`; two of them, parted "
        "by a space, for a day after the secret was replaced."
    ),
]
ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    204: {"description": "It is safe. Any 2xx within the timeout will do."},
    410: {"description": "No more messages are wanted: the webhook is switched off."},
    "4XX": {"description": "Tried again later, as after any other answer or none."},
}
MESSAGES: Final[dict[str, tuple[type[BaseModel], str]]] = {
    "sample.scored": (schemas.SampleScored, "A score was computed; nobody signed it yet."),
    "sample.released": (schemas.SampleReleased, "A result was signed: fetch it, and file it."),
    "sample.amended": (
        schemas.SampleAmended,
        "A released result was changed or withdrawn: fetch it, and replace what you hold.",
    ),
    "image.rejected": (schemas.ImageRejected, "An image will not count; take another one."),
    "training_run.finished": (schemas.TrainingRunFinished, "A training run came to its end."),
    "model_version.activated": (
        schemas.ModelVersionActivated,
        "From now on samples are scored by this version.",
    ),
    "webhook.test": (schemas.WebhookTest, "Somebody tries whether you can be reached."),
}


def _receiver(kind: type[BaseModel]) -> Callable[..., None]:
    def receive(
        message: kind,  # type: ignore[valid-type]  # the framework reads it, nothing calls this
        webhook_id: MessageId,
        webhook_timestamp: SentAt,
        webhook_signature: Signatures,
    ) -> None: ...

    return receive


for _type, (_kind, _told) in MESSAGES.items():
    router.add_api_route(
        _type,
        _receiver(_kind),
        methods=["POST"],
        status_code=204,
        responses=ANSWERS,
        operation_id="receive_" + _type.replace(".", "_"),
        summary=f"Receive {_type}",
        description=_told,
    )
