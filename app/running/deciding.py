"""What the settings say about deciding, and the decider that they ask for."""

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.surge import Breaker
from app.rulebook.book import load
from app.settings import Settings


def decider_of(settings: Settings) -> Decider:
    """The decider of the rulebook in LENS_RULEBOOK_DIR. Raises BadRulebook with every error."""
    return Decider(load(settings.rulebook_dir), terms_of(settings))


def breaker_of(settings: Settings) -> Breaker:
    """What the settings say about surges."""
    return Breaker(settings.surge_floor, settings.surge_factor)


def terms_of(settings: Settings) -> Terms:
    """What the settings say about deciding."""
    return Terms(
        origin_ori=settings.origin_ori,
        message_key=settings.message_key,
        message_format=settings.message_format,
        late_after=settings.late_after,
        allow_generic_ori=settings.generic_ori_allowed,
        review_within=round(settings.review_within),
        future_tolerance=settings.future_tolerance,
    )
