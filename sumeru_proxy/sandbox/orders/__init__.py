"""Made-up orders: as many as asked for, with every odd case, exact to the smallest unit; and what happens to them afterwards.

``generator`` draws them, ``amounts`` adds them up and says what does not add up, ``changes`` are the pure steps of an order's life,
``life`` plays them and sends the events. Only the sandbox imports these, and tests, benchmarks and the demonstration.
"""
