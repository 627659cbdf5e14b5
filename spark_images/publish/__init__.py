"""Publishing: uploads images to a registry, signs them, attaches what proves them, and verifies it all.

The only room that talks to a registry or runs cosign.
"""
