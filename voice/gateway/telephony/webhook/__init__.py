"""What carriers ask over HTTP when somebody calls, and what we answer, as values. One file a carrier, each with

- `verify(request, account, now)`: whether the carrier signed the request; answers what tells it from every other request;
- `incoming(request)`: who calls whom;
- `answer(stream, account)`: what makes the carrier open a stream to us;
- `status(request)`: what became of a call;
- `transfer(number)`: what makes the carrier put the caller through to a number, where that is said in the same language.
"""
