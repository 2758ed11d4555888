"""Refusals and their reason codes. What belongs to another team or person answers like what does not exist."""

from fp_kernel import AlreadyExists, FailedPrecondition, NotFound


def no_notification() -> NotFound:
    return NotFound("there is no such notification", reason="NOTIFICATION_NOT_FOUND")


def no_rule() -> NotFound:
    return NotFound("there is no such rule", reason="RULE_NOT_FOUND")


def rule_name_taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"the team has a rule called {name}", reason="RULE_EXISTS")


def too_many_rules(most: int) -> FailedPrecondition:
    return FailedPrecondition(f"a team has at most {most} rules", reason="TOO_MANY_RULES")


def no_webhook() -> FailedPrecondition:
    return FailedPrecondition("there is no webhook", reason="NO_WEBHOOK")


def signed_by_secret(reference: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"what {reference} holds signs this webhook, and nothing shows it", reason="SIGNED_BY_SECRET"
    )


def switched_off(channel: str) -> FailedPrecondition:
    return FailedPrecondition(f"the channel {channel} is not switched on", reason="CHANNEL_OFF")


def mail_not_configured() -> FailedPrecondition:
    return FailedPrecondition("the platform has no mail server", reason="MAIL_NOT_CONFIGURED")
