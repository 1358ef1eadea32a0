"""${message}"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
from connector.ledger.schema import Instant

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Bring the ledger from the revision before to this one."""
    ${upgrades if upgrades else "pass"}
