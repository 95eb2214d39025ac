"""What results say: within what a patient's ID counts, sides, parts, targets and places.

Rows of before do not say.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TEXTS = (
    ("studies", "issuer_of_patient_id", ""),
    ("studies", "part", ""),
    ("studies", "target", ""),
    ("instances", "laterality_conflict", ""),
    ("instances", "places", "[]"),
)


def upgrade() -> None:
    for table, column, default in _TEXTS:
        op.add_column(table, sa.Column(column, sa.Text(), server_default=default, nullable=False))
    for column, kind in (
        ("image_rows", sa.Integer()),
        ("image_columns", sa.Integer()),
        ("pixel_aspect", sa.Float()),
    ):
        op.add_column("instances", sa.Column(column, kind))
