"""What ``--lan`` needs: this machine's addresses, a certificate of its own, and a code that a phone reads."""
