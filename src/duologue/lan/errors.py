"""What can go wrong with ``--lan``; apart, so that the command can name it without loading libraries."""


class CertificateError(OSError):
    """The certificate can be neither read nor kept; one line that says what to do."""
