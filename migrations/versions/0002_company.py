"""What a day and a night need: grown until it is released, frozen then."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the ledger from the revision before to this one."""
