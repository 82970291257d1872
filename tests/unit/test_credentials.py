"""Keys, signatures, status lists and the offline check of a grant."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.times import read_iso_time
from services.credentials.check import check
from services.credentials.keys import (
    GrantKeys,
    SigningKey,
    jwks,
    public_pem,
    read_public,
    thumbprint,
)
from services.credentials.signed import CredentialError, sign, verify
from services.credentials.status import (
    LIST_BITS,
    Purpose,
    encode_bits,
    entries,
    is_set,
    list_id,
    status_list,
)
from services.keys import KeyFileError, write_key

ISSUER = "urn:databourse:venue:gx"
NOON = read_iso_time("2026-11-24T12:00:00Z")
HOUR_MS = 3_600_000


def make_key() -> SigningKey:
    private = Ed25519PrivateKey.generate()
    return SigningKey(thumbprint(private.public_key()), private)


KEY = make_key()
KEYS = {KEY.kid: KEY.private.public_key()}


def grant(**changes: Any) -> dict[str, Any]:
    return {
        "id": "urn:databourse:grt_rain",
        "issuer": ISSUER,
        "validFrom": "2026-11-24T11:00:00.000Z",
        "validUntil": "2026-11-24T13:00:00.000Z",
        "credentialSubject": {"id": "urn:databourse:pty_anna"},
        "credentialStatus": entries(ISSUER, 9),
        **changes,
    }


def listed(purpose: Purpose, bits: list[int], **changes: Any) -> str:
    made_at_ms = changes.pop("made_at_ms", NOON)
    number = changes.pop("number", 0)
    return sign({**status_list(ISSUER, purpose, number, bits, made_at_ms), **changes}, KEY)


# --- keys -----------------------------------------------------------------------------------------


def test_a_thumbprint_is_that_of_rfc_8037() -> None:
    """RFC 8037, appendix A.3."""
    text = '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "%s"}]}'
    known = read_public(text % "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    assert list(known) == ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"]


def test_a_new_market_has_one_key_and_reads_the_same_again(tmp_path: Path) -> None:
    keys = GrantKeys(tmp_path, 1_000)
    assert [key.kid for key in keys.public] == [keys.current.kid]
    again = GrantKeys(tmp_path, 2_000)
    assert again.current.kid == keys.current.kid
    assert thumbprint(keys.current.private.public_key()) == keys.current.kid
    private = tmp_path / "grants" / f"{keys.current.kid}.key"
    assert private.stat().st_mode & 0o777 == 0o600


def test_rotation_deletes_the_old_private_key_and_keeps_its_public_half(tmp_path: Path) -> None:
    keys = GrantKeys(tmp_path, 1_000)
    other_process = GrantKeys(tmp_path, 1_000)
    first = keys.current
    token = sign(grant(), first)
    second = keys.rotate(500)  # a clock set back does not make the new key an old one
    assert second.kid != first.kid
    assert [key.kid for key in keys.public] == [second.kid, first.kid]
    assert [path.stem for path in (tmp_path / "grants").glob("*.key")] == [second.kid]
    assert other_process.current.kid == second.kid
    published = read_public(json.dumps(jwks(other_process.public)))
    assert verify(token, published, ISSUER) == grant()
    assert verify(sign(grant(), second), published, ISSUER) == grant()


def test_the_one_key_of_an_older_market_is_taken_over(tmp_path: Path) -> None:
    write_key(tmp_path / "grants.key", KEY.private)
    keys = GrantKeys(tmp_path, 1_000)
    assert keys.current.kid == KEY.kid
    assert not (tmp_path / "grants.key").exists()
    old = jwt.encode(
        grant(),
        KEY.private,
        algorithm="EdDSA",
        headers={"typ": "vc+jwt", "kid": f"{ISSUER}#grants"},
    )
    keys.rotate(2_000)
    assert verify(old, read_public(json.dumps(jwks(keys.public))), ISSUER) == grant()


def test_an_interrupted_rotation_is_ended_at_the_next_opening(tmp_path: Path) -> None:
    keys = GrantKeys(tmp_path, 1_000)
    first = keys.current
    keys.rotate(2_000)
    write_key(tmp_path / "grants" / f"{first.kid}.key", first.private)  # its deletion never came
    (tmp_path / "grants" / "half.key.new").write_bytes(b"half")
    again = GrantKeys(tmp_path, 3_000)
    assert again.current.kid == keys.current.kid
    names = {path.name for path in (tmp_path / "grants").iterdir()}
    assert names == {f"{first.kid}.json", f"{keys.current.kid}.json", f"{keys.current.kid}.key"}


def test_a_public_key_under_another_name_is_refused(tmp_path: Path) -> None:
    keys = GrantKeys(tmp_path, 1_000)
    path = tmp_path / "grants" / f"{keys.current.kid}.json"
    path.rename(path.with_name("another.json"))
    with pytest.raises(KeyFileError, match="not the one it is named by"):
        GrantKeys(tmp_path, 1_000)


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "RSA"}]}', '{"keys": [{"x": 5}]}',
     '{"keys": [{"x": "AA"}]}', "-----BEGIN PUBLIC KEY-----", "[" * 100_000],
)  # fmt: skip
def test_what_is_no_public_key_is_told(text: str) -> None:
    with pytest.raises(KeyFileError):
        read_public(text)


def test_a_private_key_is_not_taken_for_a_public_one(tmp_path: Path) -> None:
    write_key(tmp_path / "a.key", KEY.private)
    with pytest.raises(KeyFileError):
        read_public((tmp_path / "a.key").read_text())
    assert list(read_public(public_pem(KEYS[KEY.kid]))) == [KEY.kid]


# --- signatures -----------------------------------------------------------------------------------


def forge(token: str) -> str:
    head, payload, signature = token.split(".")
    changed = "A" if payload[10] != "A" else "B"
    return f"{head}.{payload[:10]}{changed}{payload[11:]}.{signature}"


@pytest.mark.parametrize(
    ("token", "fault"),
    [
        (forge(sign(grant(), KEY)), "none of the given keys"),
        (sign(grant(), make_key()), "none of the given keys"),
        (sign(grant(issuer="urn:databourse:venue:xx"), KEY), "issued by 'urn:databourse:venue:xx'"),
        (sign(grant(issuer=[ISSUER]), KEY), "issued by"),
        (jwt.encode(grant(), KEY.private, algorithm="EdDSA"), "typ and alg"),
        (
            jwt.encode(grant(), "k" * 32, algorithm="HS256", headers={"typ": "vc+jwt"}),
            "typ and alg",
        ),
        (jwt.encode(grant(), None, algorithm="none", headers={"typ": "vc+jwt"}), "typ and alg"),
        ("", "not a signed credential"),
        ("a.b.c", "not a signed credential"),
        ("é", "not a signed credential"),
    ],
)
def test_what_the_issuer_did_not_sign_does_not_verify(token: str, fault: str) -> None:
    with pytest.raises(CredentialError, match=fault):
        verify(token, KEYS, ISSUER)
    assert check(token, [], KEYS, ISSUER, NOON).findings != []


# --- status lists ---------------------------------------------------------------------------------


def test_bits_are_where_they_were_set_and_nowhere_else() -> None:
    bits = {0, 7, 8, 9, 1_000, LIST_BITS - 1}
    encoded = encode_bits(bits)
    looked_at = [*range(2_000), LIST_BITS - 2, LIST_BITS - 1]
    assert {bit for bit in looked_at if is_set(encoded, bit)} == bits
    with pytest.raises(CredentialError, match="none of index 131072"):
        is_set(encoded, LIST_BITS)
    with pytest.raises(CredentialError, match="none of index -1"):
        is_set(encoded, -1)


def test_the_encoded_list_is_that_of_the_standard() -> None:
    """The example in the specification: a list in which no bit is set."""
    example = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"
    assert not any(is_set(example, bit) for bit in range(0, LIST_BITS, 997))
    assert encode_bits([]) == encode_bits([])


@pytest.mark.parametrize(
    "encoded",
    [
        None,
        5,
        "",
        "H4sI",
        "u",
        "uAAAA",
        "u!!",
        encode_bits([])[:20],
        "uH4sIAAAAAAAC_wMAAAAAAAAAAAA",
    ],
)
def test_a_list_that_cannot_be_unpacked_is_told(encoded: object) -> None:
    with pytest.raises(CredentialError):
        is_set(encoded, 0)


def test_a_list_that_unpacks_without_end_is_refused() -> None:
    import gzip
    from base64 import urlsafe_b64encode

    bomb = "u" + urlsafe_b64encode(gzip.compress(bytes(50_000_000))).decode()
    with pytest.raises(CredentialError, match="from 131072"):
        is_set(bomb, 0)


def test_grants_beyond_one_list_are_in_the_next() -> None:
    revocation, suspension = entries(ISSUER, LIST_BITS + 3)
    assert revocation["statusListIndex"] == suspension["statusListIndex"] == "3"
    assert revocation["statusListCredential"] == f"{ISSUER}:status-lists:revocation:1"
    assert suspension["statusListCredential"] == list_id(ISSUER, Purpose.SUSPENSION, 1)


# --- the check ------------------------------------------------------------------------------------


def test_a_grant_holds_between_its_times_with_clear_status() -> None:
    lists = [listed(Purpose.REVOCATION, [8, 10]), listed(Purpose.SUSPENSION, [])]
    verdict = check(sign(grant(), KEY), lists, KEYS, ISSUER, NOON)
    assert verdict.findings == []
    assert verdict.status == {"revocation": "clear", "suspension": "clear"}
    assert verdict.kid == KEY.kid


@pytest.mark.parametrize(
    ("at_ms", "holds"),
    [(NOON - HOUR_MS - 1, False), (NOON - HOUR_MS, True), (NOON + HOUR_MS - 1, True),
     (NOON + HOUR_MS, False)],
)  # fmt: skip
def test_times_are_kept_to_the_millisecond(at_ms: int, holds: bool) -> None:
    assert (check(sign(grant(), KEY), [], KEYS, ISSUER, at_ms).findings == []) is holds


def test_a_status_without_a_list_is_not_checked_and_said_to_be_so() -> None:
    verdict = check(sign(grant(), KEY), [], KEYS, ISSUER, NOON)
    assert verdict.findings == []
    assert verdict.status == {"revocation": "not checked", "suspension": "not checked"}


@pytest.mark.parametrize(
    ("purpose", "finding"),
    [(Purpose.REVOCATION, "the grant has ended"), (Purpose.SUSPENSION, "is under suspension")],
)
def test_a_set_bit_is_found(purpose: Purpose, finding: str) -> None:
    verdict = check(sign(grant(), KEY), [listed(purpose, [9])], KEYS, ISSUER, NOON)
    assert finding in verdict.findings[0]
    assert verdict.status[purpose] == "set"


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (listed(Purpose.REVOCATION, [], number=1), "is not a list that the credential names"),
        (sign(grant(), KEY), "this is no status list"),
        (listed(Purpose.REVOCATION, [], issuer="urn:x"), "issued by 'urn:x'"),
        (listed(Purpose.REVOCATION, [], made_at_ms=NOON - 24 * HOUR_MS), "was valid until"),
        (forge(listed(Purpose.REVOCATION, [])), "none of the given keys"),
        (
            listed(Purpose.SUSPENSION, [], id=list_id(ISSUER, Purpose.REVOCATION, 0)),
            "its purpose is 'suspension', not 'revocation'",
        ),
        ("", "not a signed credential"),
    ],
)
def test_a_list_that_does_not_fit_is_a_finding(given: str, fault: str) -> None:
    assert fault in check(sign(grant(), KEY), [given], KEYS, ISSUER, NOON).findings[0]


def test_a_list_made_later_tells_of_an_earlier_time_too() -> None:
    later = listed(Purpose.REVOCATION, [9], made_at_ms=NOON + 5)
    assert check(sign(grant(), KEY), [later], KEYS, ISSUER, NOON).findings == [
        "the grant has ended"
    ]


@pytest.mark.parametrize(
    "changes",
    [{"validUntil": "tomorrow"}, {"validFrom": 5}, {"validFrom": "2026-11-24T11:00:00"}],
)
def test_times_that_cannot_be_read_are_a_finding(changes: dict[str, Any]) -> None:
    verdict = check(sign(grant(**changes), KEY), [], KEYS, ISSUER, NOON)
    assert verdict.findings == ["the grant has times that cannot be read"]


@pytest.mark.parametrize("status", [None, 5, "x", [5], [{}], {"type": "BitstringStatusListEntry"}])
def test_a_broken_status_names_no_list(status: Any) -> None:
    made = sign(grant(credentialStatus=status), KEY)
    verdict = check(made, [listed(Purpose.REVOCATION, [])], KEYS, ISSUER, NOON)
    assert "is not a list that the credential names" in verdict.findings[0]


@pytest.mark.parametrize("index", ["-1", "1e3", "999999999999", "²", ""])
def test_a_broken_index_is_a_finding(index: str) -> None:
    entry = {**entries(ISSUER, 9)[0], "statusListIndex": index}
    made = sign(grant(credentialStatus=entry), KEY)
    verdict = check(made, [listed(Purpose.REVOCATION, [])], KEYS, ISSUER, NOON)
    assert "none of index -1" in verdict.findings[0]
