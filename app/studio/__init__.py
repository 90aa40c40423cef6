"""What the pages share: opening the store, forms, and what they draw that no report has. Pages only draw."""
