"""How long the page waits for a request that has begun: a connection on which nothing whole arrives
would otherwise stay open, and enough of them leave no room for anybody else."""

from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 20  # from a connection's first moment, or a later request's first byte, to its last


class Patience(H11Protocol):
    """uvicorn's protocol, which by itself limits the time between requests only."""

    closing = None  # what will close the connection, while a request is awaited

    def connection_made(self, transport):
        super().connection_made(transport)
        self.wait()

    def data_received(self, data):
        super().data_received(data)
        whole = self.cycle and not self.cycle.more_body
        if whole and not self.cycle.response_complete:
            self.rest()
        elif not self.closing:
            self.wait()

    def connection_lost(self, exc):
        self.rest()
        super().connection_lost(exc)

    def wait(self):
        self.closing = self.loop.call_later(SECONDS, self.transport.close)

    def rest(self):
        if self.closing:
            self.closing.cancel()
        self.closing = None
