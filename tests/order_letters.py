"""Orders as JSON, as a page posts them to a relay."""

from __future__ import annotations

from dataclasses import fields

from protocol.orders import OrderMessage, PermitSignature, SignedOrder


def order_json(signed: SignedOrder) -> bytes:
    """The order as it travels; `parse_order` reads it back."""
    order = signed.order
    named = {field.name: str(getattr(order, field.name)) for field in fields(order)}
    permit = None
    if signed.permit is not None:
        v, r, s = signed.permit
        permit = PermitSignature(v=v, r=f"0x{r.hex()}", s=f"0x{s.hex()}")
    message = OrderMessage(
        order=order.NAME, fields=named, signature=f"0x{signed.signature.hex()}", permit=permit
    )
    return message.model_dump_json(exclude_none=True).encode()
