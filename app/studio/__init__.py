"""What the pages share: opening the store, figures, wording, and the models that they draw. Pages only draw."""
