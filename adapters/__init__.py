"""The protocols: what speaks REST and SOAP on the wire. They see no more than the ports."""
