"""Inventory: the model, the dynamics and the tools that all inventory tasks share.

A supply :class:`.network.Network` holds stock at nodes and moves it along arcs; a
:class:`.scenario.Scenario` is such a network with one path of its customers' demand. One batched
kernel (:mod:`.kernels`) moves every network, from one shelf to a supply chain.

**One period**, in which every policy sees the state first and then orders:

1. Orders are sent. They reach the supplier after the arc's ``order_delay``.
2. Nodes ship, upstream ones first: what is ordered now plus what they still owe, within the arc's
   capacity and the stock on hand. Short stock is rationed by the network's ``allocation``. The
   outside world (supplier ``""``) always has stock. A shipment with lead time 0 arrives at once.
   What could not be shipped stays owed (``backlog``) or lapses.
3. In networks with ``late_receipts``, what is due arrives now, too late to be shipped on.
4. Customers come. Those who find no stock wait (backorders), leave (lost sales), or are served by a
   special delivery from the node's supplier.
5. Costs are charged: on stock, on goods under way, on shortages, on orders and shipments.
6. In all other networks, what is due in the next period arrives, so that a decision sees it on
   hand: an order of lead time ``L`` in period ``t`` can serve customers of period ``t + L``.

References:
    Zipkin 2000, "Foundations of Inventory Management", McGraw-Hill;
    Snyder & Shen 2019, "Fundamentals of Supply Chain Theory", 2nd edition, Wiley.
"""
