"""Checkpoints as others publish and read them, and every line of a note changed."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.audit.checkpoint import (
    NOTE_BYTES_MAX,
    Checkpoint,
    CheckpointError,
    VerifierKey,
    read_verifier,
    sign,
    verify,
)

# A public log, sigstore's Rekor of 2025: its key, and heads it published; the second is also
# signed by a witness.
REKOR = "log2025-1.rekor.sigstore.dev+cf119915+AbfK5adZJxsI323FwGD2AJJ9F4i89cfDuLdGJBIYntuO"
REKOR_NOTES = {
    412_115: """\
log2025-1.rekor.sigstore.dev
412115
+8vUkEgBK/ansexBUomzocaWoPEmPIzxJC/y+xNMQN4=

— log2025-1.rekor.sigstore.dev \
zxGZFahCZ/+MqTjH4rC5MWcdLDWbpetE5l30RZfQc4BQkRjWSoKipEUPjvHENeZDHIlAsuezJcLzUVvItpNjaSRoMAs=
""",
    139_911_860: """\
log2025-1.rekor.sigstore.dev
139911860
EliTHtnx44DhEBH+5qIXBtQsSpc54Avam7mIYEvxnTA=

— log2025-1.rekor.sigstore.dev \
zxGZFcOra4Y7QpuiQen+CmnUvDZbxSXfBOXJzL+HKIeR9aC58QTfao58ABqkhVyBhQDseS+TZdDNpcnZhoRxkh7IbQ0=
— witness.stagemole.eu \
Z/euoAAAAABqxF18wrJCADsJ1G5Lc2JaRjZqqBwjpNqH24yQse4iJ4rKS6b5MtvHP+IbKYXwaWuWokdGA+BubLFi+TrwK7xpKr6XBw==
""",
}
# The example key of Go's sumdb/note.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
CHECKPOINT = Checkpoint("databourse/gx", 17, bytes(range(100, 132)))
VERIFIER = VerifierKey("databourse/gx", KEY.public_key())
NOTE = sign(CHECKPOINT, KEY)


@pytest.mark.parametrize("size", REKOR_NOTES)
def test_a_head_of_a_public_log_verifies(size: int) -> None:
    note = REKOR_NOTES[size]
    said = verify(note.encode(), read_verifier(REKOR))
    assert said.size == size
    assert base64.b64encode(said.root).decode() == note.split("\n")[2]


@pytest.mark.parametrize("text", [REKOR, NEUMANN])
def test_a_published_verifier_key_is_read_and_written_alike(text: str) -> None:
    assert str(read_verifier(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        NEUMANN.replace("PeterNeumann", "PeterNeuman"),
        NEUMANN.replace("PeterNeumann", "Peter Neumann"),
        NEUMANN.replace("PeterNeumann", ""),
        NEUMANN.replace("c74f20a3", "c74f20a4"),
        NEUMANN.replace("c74f20a3", "C74F20A3"),
        NEUMANN.replace("ARpc", "Arpc"),
        NEUMANN.replace("ARpc", "ARpd"),
        NEUMANN[:-4],
    ],
)
def test_a_changed_verifier_key_is_refused(text: str) -> None:
    assert text != NEUMANN
    with pytest.raises(CheckpointError, match="not a verifier key"):
        read_verifier(text)


@pytest.mark.parametrize(
    ("line", "changed", "why"),
    [
        (0, "databourse/hn", "not of log"),
        (1, "18", "does not fit"),
        (1, "017", "no tree size"),
        (1, "+17", "no tree size"),
        (1, "１７", "no tree size"),
        (1, "-17", "no tree size"),
        (1, "many", "not a checkpoint note"),
        (2, base64.b64encode(bytes(32)).decode(), "does not fit"),
        (2, base64.b64encode(bytes(31)).decode(), "no SHA-256 hash"),
        (2, "?", "not a checkpoint note"),
        (3, "an extension", "lines origin, size and root"),
        (4, "- databourse/gx AAAA", "no well-formed signature"),
        (4, "— databourse/hn AAAA", "no well-formed signature"),
        (4, "— databourse/gx AAAA", "another key"),
        (4, "— databourse/gx AAA", "not base64"),
        (4, "— databourse/gx AAB=", "one base64 spelling"),
        (4, "— databourse/gx ", "another key"),
        (5, "— databourse/gx", "no well-formed signature"),
    ],
)
def test_a_note_with_a_changed_line_is_refused(line: int, changed: str, why: str) -> None:
    lines = NOTE.decode().split("\n")
    assert lines[line] != changed
    lines[line] = changed
    with pytest.raises(CheckpointError, match=why):
        verify("\n".join(lines).encode(), VERIFIER)


def test_every_line_of_a_note_is_needed() -> None:
    lines = NOTE.decode().split("\n")
    for index in range(len(lines)):
        fewer = "\n".join(lines[:index] + lines[index + 1 :])
        with pytest.raises(CheckpointError):
            verify(fewer.encode(), VERIFIER)


def test_even_its_signer_cannot_make_a_tree_of_less_than_nothing() -> None:
    with pytest.raises(CheckpointError, match="no tree size"):
        verify(sign(CHECKPOINT._replace(size=-1), KEY), VERIFIER)


def test_bytes_that_are_no_text_and_notes_beyond_the_limit_are_refused() -> None:
    with pytest.raises(CheckpointError, match="not a checkpoint note"):
        verify(b"\xff" + NOTE, VERIFIER)
    with pytest.raises(CheckpointError, match="more than 131072"):
        verify(NOTE + b"\n" * NOTE_BYTES_MAX, VERIFIER)


def test_signatures_by_other_keys_are_passed_over_even_under_our_name() -> None:
    text, ours = NOTE.decode().split("\n\n")
    _, theirs = sign(CHECKPOINT, OTHER_KEY).decode().split("\n\n")
    assert ours != theirs
    witness = "— witness.example/w AAAAAAAA\n"
    for signatures in (theirs + ours, ours + theirs, witness + ours + witness):
        assert verify(f"{text}\n\n{signatures}".encode(), VERIFIER) == CHECKPOINT


def test_a_wrong_signature_under_our_key_is_not_made_good_by_a_right_one() -> None:
    text, right = NOTE.decode().split("\n\n")
    _, wrong = sign(CHECKPOINT._replace(size=18), KEY).decode().split("\n\n")
    assert wrong != right
    with pytest.raises(CheckpointError, match="does not fit"):
        verify(f"{text}\n\n{wrong}{right}".encode(), VERIFIER)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_a_name_no_note_can_carry_is_never_signed(origin: str) -> None:
    with pytest.raises(AssertionError, match="neither spaces nor a plus"):
        sign(CHECKPOINT._replace(origin=origin), KEY)
