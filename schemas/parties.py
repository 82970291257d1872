"""Who takes part (供方 需方 运营方 监管方 第三方服务), and on what terms the venue serves them."""

from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from schemas.base import BasisPoints, Fact
from schemas.money import Currency


class Role(StrEnum):
    SUPPLIER = "supplier"
    BUYER = "buyer"
    OPERATOR = "operator"
    REGULATOR = "regulator"
    THIRD_PARTY = "third_party"


# Who is there when a venue opens.
FIRST_PARTIES: Final = {
    Role.OPERATOR: ("pty_operator", "Operator 运营方"),
    Role.REGULATOR: ("pty_regulator", "Regulator 监管方"),
}


class PartyKind(StrEnum):
    """What a party is by law; it decides who receives the proceeds."""

    GOVERNMENT = "government"
    PUBLIC_SERVICE = "public_service"
    ENTERPRISE = "enterprise"
    PERSON = "person"


class VenueTerms(Fact):
    """Fees and shares, in basis points of a trade's price.

    The buyer's fee comes on top; the seller's is taken from the proceeds. Of what then remains, a
    public supplier's share goes to the treasury (财政); a private one keeps everything. With
    `verification_required` only a party whose identity was verified can be approved.
    """

    currencies: Annotated[tuple[Currency, ...], Meta(min_length=1, max_length=20)]
    buyer_fee_bps: BasisPoints = 0
    seller_fee_bps: BasisPoints = 0
    treasury_bps_government: BasisPoints = 10_000
    treasury_bps_public_service: BasisPoints = 5_000
    verification_required: bool = False

    def treasury_bps(self, kind: PartyKind) -> int:
        match kind:
            case PartyKind.GOVERNMENT:
                return self.treasury_bps_government
            case PartyKind.PUBLIC_SERVICE:
                return self.treasury_bps_public_service
            case PartyKind.ENTERPRISE | PartyKind.PERSON:
                return 0
