"""What is practised, step by step: what to do, how it is checked, what is said then; in Korean and English. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from agent.operations.values import Decision, Product
from contract.documents import ExpectedDocument
from identity.control import encode

ZONE = "PRACTICE"
DOCUMENT = "PRACTICE-1"
# GTINs with GS1's prefix for demonstrations, 952 (GS1 General Specifications 1.4.1): nobody sells them.
WATER, WATER_CASE, RICE, TEA = "09520000000011", "19520000000018", "09520000000028", "09520000000035"
UNKNOWN = "09520000000998"
CATALOGUE: Mapping[str, Product] = {
    WATER: Product("P-WATER", 1, 1, "each", "연습 생수", "Practice water"),
    WATER_CASE: Product("P-WATER", 6, 1, "each", "연습 생수", "Practice water"),
    RICE: Product("P-RICE", 1, 1, "each", "연습 쌀", "Practice rice"),
    TEA: Product("P-TEA", 1, 1, "each", "연습 녹차", "Practice tea"),
}
EXPECTED = ExpectedDocument.model_validate(
    {
        "document": DOCUMENT,
        "kind": "receipt",
        "revision": 1,
        "from": "supplier",
        "to": ZONE,
        "lines": [
            {"line": 1, "sku": "P-WATER", "quantity": 6},
            {"line": 2, "sku": "P-RICE", "quantity": 2},
            {"line": 3, "sku": "P-TEA", "quantity": 3},
        ],
    }
)

Words = tuple[str, str]  # Korean, English
LessonName = Literal["sounds", "codes", "receipt", "count"]


class Step(NamedTuple):
    """Done when the answer is one of `hears` and its facts hold what `facts` says. `codes` are what to scan."""

    do: Words
    codes: tuple[str, ...]
    hears: frozenset[str]
    praise: Words
    facts: Mapping[str, Any] = {}

    def is_done(self, decision: Decision) -> bool:
        if decision.text not in self.hears:
            return False
        product = decision.facts.get("product")
        held = {**decision.facts, "sku": product.sku if isinstance(product, Product) else decision.facts.get("sku")}
        return all(held.get(name) == value for name, value in self.facts.items())


class Lesson(NamedTuple):
    name: LessonName
    title: Words
    steps: tuple[Step, ...]


def _step(do: Words, codes: tuple[str, ...], hears: str, praise: Words, **facts: Any) -> Step:
    return Step(do, codes, frozenset(hears.split()), praise, facts)


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        "sounds",
        ("세 가지 소리", "The three sounds"),
        (
            _step(
                ("연습 생수를 스캔하세요.", "Scan the practice water."),
                (WATER,),
                "looked_up",
                ("짧은 소리 한 번: 정상입니다. 계속하면 됩니다.", "One short beep is good: go on."),
            ),
            _step(
                ("되돌릴 것이 없는데 UNDO를 스캔해 보세요.", "Scan UNDO, though there is nothing to take back."),
                (encode("UNDO"),),
                "nothing_to_undo",
                ("두 음: 기록은 되었지만 화면을 보라는 뜻입니다.", "Two tones: look at the screen."),
            ),
            _step(
                ("등록되지 않은 코드를 스캔하세요.", "Scan a code that nobody knows."),
                (UNKNOWN,),
                "unknown_code",
                (
                    "긴 소리: 멈춤입니다. 재고는 바뀌지 않았고, 코드는 예외에 남습니다.",
                    "One long tone is stop: stock has not changed, and the code is kept among the exceptions.",
                ),
            ),
        ),
    ),
    Lesson(
        "codes",
        ("제어 코드", "Control codes"),
        (
            _step(
                ("입고 방식을 고르세요.", "Choose the mode for receiving."),
                (encode("MODE-RECEIVE"),),
                "receive_mode",
                ("이제 스캔하면 입고됩니다. 방식은 저절로 바뀌지 않습니다.", "A mode never changes by itself."),
            ),
            _step(
                ("X3을 스캔하고 생수를 한 번 스캔하세요.", "Scan X3, then the water once."),
                (encode("X", 3), WATER),
                "received",
                (
                    "한 번에 3개입니다. X는 바로 다음 스캔에만, 10초 동안 쓰입니다.",
                    "Three at once: X is for the next scan only.",
                ),
                quantity=3,
            ),
            _step(
                ("마지막 수량을 5로 바꾸세요.", "Set the last line to 5."),
                (encode("SET", 5),),
                "received set_to",
                ("SET은 마지막 줄의 수량을 바꿉니다.", "SET corrects the last line."),
                quantity=5,
            ),
            _step(
                ("방금 한 것을 되돌리세요.", "Take it back."),
                (encode("UNDO"),),
                "reversed",
                (
                    "UNDO는 여러 번 쓸 수 있고, 남의 스캔은 건드리지 않습니다.",
                    "UNDO works again and again, never on another's scan.",
                ),
            ),
        ),
    ),
    Lesson(
        "receipt",
        ("입고 연습", "A practice receipt"),
        (
            _step(
                ("입고 문서를 스캔하세요: 생수 6, 쌀 2, 녹차 3.", "Scan the document: 6 water, 2 rice, 3 tea."),
                (encode("DOC", DOCUMENT),),
                "document_opened",
                ("문서가 열렸습니다. 입고 수량은 0에서 시작합니다.", "It is open: received begins at zero."),
            ),
            _step(
                ("생수 상자를 스캔하세요.", "Scan the case of water."),
                (WATER_CASE,),
                "received_of",
                ("상자 하나는 낱개 6개로 셉니다.", "A case counts its six pieces."),
                sku="P-WATER",
                quantity=6,
            ),
            _step(
                ("쌀은 하나만 왔습니다. 한 번 스캔하세요.", "Only one rice has come. Scan it."),
                (RICE,),
                "received_of",
                ("하나가 모자랍니다. 마감할 때 부족으로 나옵니다.", "One is short: closing will say so."),
                sku="P-RICE",
            ),
            _step(
                (
                    "녹차 3개 중 하나는 파손입니다. DAMAGED를 스캔하고 그 녹차를 스캔하세요.",
                    "One tea is damaged: scan DAMAGED, then that tea.",
                ),
                (encode("DAMAGED"), TEA),
                "received_of",
                ("파손품은 격리 상태로 들어옵니다.", "Damaged goods go to quarantine."),
                sku="P-TEA",
                done=1,
            ),
            _step(
                ("나머지 녹차 2개를 스캔하세요.", "Scan the other two teas."),
                (encode("X", 2), TEA),
                "received_of",
                ("녹차는 다 왔습니다.", "All teas are here."),
                sku="P-TEA",
                done=3,
            ),
            _step(
                ("녹차가 하나 더 나왔습니다. 스캔하세요.", "There is one more tea. Scan it."),
                (TEA,),
                "over_delivery",
                (
                    "예정보다 많으면 멈춥니다. 따로 두고 관리자의 승인을 받으세요.",
                    "More than expected stops: put it aside, a supervisor approves.",
                ),
            ),
            _step(
                ("문서를 마감하세요.", "Close the document."),
                (encode("CLOSE"),),
                "close_document",
                ("과부족을 보여 주고 한 번 묻습니다.", "It tells what is over and short, and asks once."),
            ),
            _step(
                ("OK로 확인하세요.", "Say OK."),
                (encode("OK"),),
                "document_closed",
                (
                    "입고가 끝났습니다. 나머지를 기다릴 때는 CLOSE-SHORT을 쓰세요.",
                    "Done. Use CLOSE-SHORT when the rest still comes.",
                ),
            ),
        ),
    ),
    Lesson(
        "count",
        ("실사 연습", "A practice count"),
        (
            _step(
                ("실사 방식을 고르세요.", "Choose the mode for counting."),
                (encode("MODE-COUNT"),),
                "count_mode",
                ("실사는 재고를 바로 바꾸지 않습니다.", "Counting changes no stock until it is approved."),
            ),
            _step(
                (
                    "선반에 생수가 5개 있습니다. X5와 생수를 스캔하세요.",
                    "There are 5 water on the shelf: scan X5, then the water.",
                ),
                (encode("X", 5), WATER),
                "counted",
                ("재고 수량은 일부러 보여 주지 않습니다.", "What is expected is not shown, on purpose."),
                done=5,
            ),
            _step(
                ("실사를 끝내 보세요.", "Try to finish the count."),
                (encode("CLOSE"),),
                "count_missing",
                ("재고에는 있는데 세지 않은 상품이 있다는 뜻입니다.", "Stock has items that you did not count."),
            ),
            _step(
                (
                    "찾아봐도 없습니다. CLOSE를 한 번 더 스캔하세요.",
                    "You looked, they are not there: scan CLOSE again.",
                ),
                (encode("CLOSE"),),
                "count_submitted",
                (
                    "검토로 넘어갔습니다. 세지 않은 것이 저절로 0이 되지는 않습니다.",
                    "It is in review. Nothing becomes zero by itself.",
                ),
            ),
            _step(
                (
                    "생수가 재고와 다릅니다. 다시 세기를 시작하세요.",
                    "The water differs from stock. Begin the recount.",
                ),
                (encode("RECOUNT"),),
                "recount",
                ("다른 상품은 그대로 두고 다른 것만 다시 셉니다.", "Only what differs is counted again."),
            ),
            _step(
                ("이번에는 6개입니다. X6과 생수를 스캔하세요.", "Now there are 6: scan X6, then the water."),
                (encode("X", 6), WATER),
                "counted",
                ("하나가 뒤에 있었습니다.", "One was hidden behind."),
                done=6,
            ),
            _step(
                ("실사를 끝내세요. CLOSE를 두 번 스캔해야 할 수 있습니다.", "Finish it; CLOSE may be needed twice."),
                (encode("CLOSE"),),
                "count_submitted",
                ("잘하셨습니다. 나머지는 관리자가 승인합니다.", "Well done. A supervisor approves the rest."),
            ),
        ),
    ),
)
