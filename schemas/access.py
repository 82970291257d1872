"""Conditional access (有条件共享): its stages, how it ends, and how its use is judged."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from schemas.base import Fact

Score = Annotated[int, Meta(ge=0, le=100)]


class AccessStage(StrEnum):
    """What an open request waits for; `market.access.STAGES` says by whom and for how long."""

    REVIEW = "review"  # 形式审查
    DECISION = "decision"  # 提供方审核
    PUSH = "push"  # 推送订阅
    USE = "use"  # in use, and open to a challenge of its quality (质量异议)
    ANSWER = "answer"  # 答复与整改
    EVALUATION = "evaluation"  # 评价


class AccessEnding(StrEnum):
    """Why a request was closed by nobody's own step."""

    LISTING_WITHDRAWN = "listing_withdrawn"
    LISTING_EXPIRED = "listing_expired"
    NOT_EVALUATED = "not_evaluated"


class QualityScores(Fact):
    """Completeness, accuracy, availability, timeliness (完整性 准确性 可用性 时效性), 0 to 100."""

    completeness: Score
    accuracy: Score
    availability: Score
    timeliness: Score
