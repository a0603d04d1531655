"""The rules: mapping gateways, taking back, looking after what was left."""
