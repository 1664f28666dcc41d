"""What serial UHF modules share: framing with resynchronisation, commands one by one, operations on tags."""
