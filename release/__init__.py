"""What makes a release, from a clean tree and without a network: `make release`."""
