"""The books out of the log: what beancount makes of them, and what the commands say."""

import json
import re
from pathlib import Path

import pytest
from beancount import loader
from beancount.core import inventory, realization
from typer.testing import CliRunner

from schemas import commands as c
from schemas.base import INTEGER_MAX
from schemas.parties import PartyKind
from schemas.postings import Purse
from services.books import beancount as books
from services.books.bookings import bookings
from services.books.statement import Period, as_csv, fold, statement_of, trial_balance
from services.commands.ledger import app
from streams.embedded import EmbeddedLog, EmbeddedReader
from streams.recovery import recover_venue
from streams.runner import CascadeRunner
from tests.builders.market import AT_AUCTION, FREE, METERED, OPERATOR, T0, Market

HOUR_MS = 3_600_000


def trading_day() -> list[c.Command]:
    """All modes, refunds, withdrawals, payouts, two currencies, and an auction still running."""
    market = Market(buyer_fee_bps=133, seller_fee_bps=257)
    bureau = market.supplier("bureau", kind=PartyKind.PUBLIC_SERVICE)
    anna, bole = (market.buyer(name, money=3_000_000) for name in ("anna", "bo-le_2"))
    market.say(
        c.Deposit(
            id=market.id("trf"),
            at_ms=T0,
            party_id=bole,
            operator_id=OPERATOR,
            currency="USD",
            amount_minor=77,
            reference='said "now"\nand \\ then',
        )
    )
    sold = market.auction(bureau, market.listing(bureau, AT_AUCTION))
    running = market.auction(
        bureau, market.listing(bureau, AT_AUCTION), ends_at_ms=T0 + 9 * HOUR_MS
    )
    for count in range(9):
        market.bid(sold, (anna, bole)[count % 2], 10_000 + 1_117 * count)
    market.bid(running, anna, 765_432)
    market.request(market.listing(bureau, FREE), anna)
    metered = market.listing(bureau, METERED)
    for buyer in (anna, bole):
        market.subscribe(metered, buyer, 5_000)
    for grant_id, grant in list(market.venue.settlement.grants.items()):
        for _ in range(7):
            market.use(grant_id, grant.issued.buyer_id, 3)
    market.until(T0 + HOUR_MS)
    about = {"at_ms": T0 + HOUR_MS, "operator_id": OPERATOR}
    for grant_id in list(market.venue.settlement.receipts.by_grant):
        market.say(
            c.Refund(
                id=market.id("trf"), grant_id=grant_id, amount_minor=333, reason="late", **about
            )
        )
    out = {"at_ms": T0 + 25 * HOUR_MS, "currency": "CNY"}
    market.say(c.Withdraw(id=market.id("trf"), party_id=bureau, amount_minor=99, **out))
    market.say(c.Withdraw(id=market.id("trf"), party_id=bole, amount_minor=1_001, **out))
    for purse in Purse:
        market.say(
            c.PayOut(
                id=market.id("trf"),
                purse=purse,
                currency="CNY",
                amount_minor=55,
                reference="bank 1",
                **about,
            )
        )
    return [message for message, cause in market.log if cause == -1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("books") / "market"
    log = EmbeddedLog(made)
    runner = CascadeRunner(log, lambda: T0)
    for command in trading_day():
        runner.run_now([command])
    log.close()
    return made


@pytest.fixture
def log(folder: Path):
    reader = EmbeddedReader(folder)
    yield reader
    reader.close()


def run(*words: str):
    return CliRunner().invoke(app, [*words])


def ours(log: EmbeddedReader) -> dict[tuple[str, str], int]:
    """Our balances by beancount account and currency, signs turned, straight from the rules."""
    sums: dict[tuple[str, str], int] = {}
    for account, amount in recover_venue(log).settlement.ledger.balances.items():
        owner, currency, kind = account.split("/")
        kind = "held" if kind in ("available", "reserved") else kind
        key = (books.account_name(f"{owner}/{currency}/{kind}"), currency)
        sums[key] = sums.get(key, 0) - amount
    return {key: amount for key, amount in sums.items() if amount}


def test_beancount_takes_the_export_and_has_our_balances(
    folder: Path, log: EmbeddedReader, tmp_path: Path
) -> None:
    out = tmp_path / "gx.beancount"
    done = run("export", "--data", str(folder), "--out", str(out), "--json")
    assert done.exit_code == 0, done.output
    entries, errors, _ = loader.load_file(str(out))
    assert errors == []
    told = json.loads(done.output)
    kinds = [type(entry).__name__ for entry in entries]
    assert told["transactions"] == kinds.count("Transaction") > 20
    assert kinds.count("Balance") == told["accounts"] >= 9
    assert kinds.count("Open") == len(set(re.findall(r"open (\S+)", out.read_text())))
    theirs: dict[tuple[str, str], int] = {}
    for account in realization.iter_children(realization.realize(entries)):
        held: inventory.Inventory = account.balance
        for position in held:
            number = position.units.number * 100
            assert number == int(number)
            theirs[account.account, position.units.currency] = int(number)
    assert theirs == ours(log)
    assert theirs["Assets:Bank", "CNY"] > 0 > theirs["Liabilities:Treasury", "CNY"]
    assert theirs["Income:Fees", "CNY"] < 0


def test_no_lock_and_no_sealed_maximum_is_in_the_export(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "gx.beancount"
    run("export", "--data", str(folder), "--out", str(out))
    text = out.read_text()
    assert "7654.32" not in text
    assert "7756.12" not in text  # with the fee
    assert "reserved" not in text


@pytest.mark.parametrize("what", ["one leg", "both legs"])
def test_a_tampered_export_is_refused_by_beancount(folder: Path, tmp_path: Path, what: str) -> None:
    """One cent in one leg unbalances its transaction; in both, the balances at the end."""
    out = tmp_path / "gx.beancount"
    run("export", "--data", str(folder), "--out", str(out))
    lines = out.read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("  Assets:Bank"))
    changed = lines[at].replace("30000.00", "30000.01")
    assert changed != lines[at]
    lines[at] = changed
    if what == "both legs":
        other = lines[at + 1].replace("-30000.00", "-30000.01")
        assert other != lines[at + 1]
        lines[at + 1] = other
    out.write_text("\n".join(lines) + "\n")
    _, errors, _ = loader.load_file(str(out))
    assert errors
    told = {type(error).__name__ for error in errors}
    assert ("BalanceError" in told) if what == "both legs" else ("ValidationError" in told)


def test_accounts_have_different_names_for_different_owners() -> None:
    owners = ("pty_a", "pty_a_", "pty_a-", "pty__a", "pty_A", "pty_农", "pty_a-00005F")
    names = [books.account_name(f"{owner}/CNY/held") for owner in owners]
    assert len(set(names)) == len(owners)
    assert names[0] == "Liabilities:Parties:Pty-a"
    assert books.account_name("grt_x1/CNY/prepaid") == "Liabilities:Prepaid:Grt-x1"


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(5, "CNY", "0.05"), (-5, "CNY", "-0.05"), (100, "USD", "1.00"), (12, "JPY", "12"),
     (-12, "JPY", "-12"), (0, "CNY", "0.00"), (INTEGER_MAX, "CNY", "90071992547409.91")],
)  # fmt: skip
def test_amounts_have_their_currencys_digits(minor: int, currency: str, text: str) -> None:
    assert books.amount_text(minor, currency) == text


def test_the_trial_balance_is_zero_now_and_at_any_time(folder: Path, log: EmbeddedReader) -> None:
    made = trial_balance(fold(bookings(log, log.size)))
    assert made.sums_minor == {"CNY": 0, "USD": 0}
    assert made.balanced
    assert {line.account.rpartition("/")[2] for line in made.accounts} == {
        "external", "fees", "held", "prepaid", "proceeds",
    }  # fmt: skip
    done = run("trial-balance", "--data", str(folder), "--json", "--at", str(T0))
    then = json.loads(done.output)
    assert (done.exit_code, then["balanced"]) == (0, True)
    assert "treasury/CNY/proceeds" in {line["account"] for line in then["accounts"]}
    assert "balanced" in run("trial-balance", "--data", str(folder)).output
    wrong = {"pty_anna/CNY/held": 1, "external/CNY/external": -2}
    assert trial_balance(wrong).sums_minor == {"CNY": -1}
    assert not trial_balance(wrong).balanced


def test_statements_of_two_periods_join_without_a_gap(folder: Path, log: EmbeddedReader) -> None:
    middle = T0 + HOUR_MS
    party_id = "pty_bureau"
    size = log.size

    def made(since: int, until: int):
        opening = fold(bookings(log, size), since)
        mine = {name: held for name, held in opening.items() if name.startswith(party_id)}
        period = Period(from_ms=since, until_ms=until)
        return statement_of(party_id, period, bookings(log, size), mine)

    whole, first, second = made(0, INTEGER_MAX), made(0, middle), made(middle, INTEGER_MAX)
    assert len(first.items) > 10
    assert len(second.items) >= 3
    assert first.items + second.items == whole.items
    assert [a.closing_minor for a in first.accounts] == [a.opening_minor for a in second.accounts]
    assert second.items[-1].balance_minor == second.accounts[0].closing_minor
    ledger = recover_venue(log).settlement.ledger
    assert whole.accounts[0].opening_minor == 0
    assert whole.accounts[0].closing_minor == ledger.balances["pty_bureau/CNY/available"]
    text = as_csv(second)
    assert text.startswith("line,at,position,account,currency,amount_minor,balance_minor,event")
    assert text.count("\n") == 1 + 2 + len(second.items)
    words = ("statement", party_id, "--data", str(folder), "--from", str(middle))
    assert run(*words, "--csv").output == text
    assert json.loads(run(*words, "--json").output) == second.model_dump(mode="json")
    assert "opening" in run(*words).output


def test_commands_say_what_is_wrong(tmp_path: Path, folder: Path) -> None:
    from services.commands import UsageError

    nowhere = run("trial-balance", "--data", str(tmp_path))
    assert isinstance(nowhere.exception, UsageError)
    assert nowhere.exception.exit_code == 3
    odd = run("trial-balance", "--data", str(folder), "--at", "noon")
    assert "'noon' is no time" in str(odd.exception)
    out = str(tmp_path / "missing" / "x.beancount")
    assert "cannot be written" in str(run("export", "--data", str(folder), "--out", out).exception)
    EmbeddedLog(tmp_path / "empty").close()
    empty = run("export", "--data", str(tmp_path / "empty"), "--out", str(tmp_path / "x"))
    assert "nothing was booked" in str(empty.exception)
