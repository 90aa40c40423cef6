"""Everything that Rung keeps: SQLAlchemy tables, migrations, and one repository for each aggregate."""
