"""Who is there when a venue opens."""

from typing import Final

from schemas.parties import Role

FIRST_PARTIES: Final = {
    Role.OPERATOR: ("pty_operator", "Operator 运营方"),
    Role.REGULATOR: ("pty_regulator", "Regulator 监管方"),
}
