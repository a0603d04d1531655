"""The machinery that runs the guides can fail, and does so for each kind of mistake."""
