"""What a member's probability counts in the ensemble's; until now all counted the same."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("activations", sa.Column("vote", sa.Float(), server_default="1", nullable=False))
