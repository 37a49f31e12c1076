#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A sample of tests/campaign/no_false_alarm.py: random small cases are valid. Environment: see
harness.py."""
import random
import unittest

from campaign.no_false_alarm import PRECISIONS, RANKS, Campaign, draw

# Not the cases that the campaign begins with.
SEED = 20


class NoFalseAlarm(unittest.TestCase):
    def test_a_sample(self):
        rng = random.Random(SEED)
        campaign = Campaign()
        for ranks in (*RANKS, 2, 2):
            campaign.run(draw(rng, [ranks]))
        self.assertEqual(campaign.cases, 7 * len(PRECISIONS))
        self.assertEqual(campaign.alarms, [])
        # Every check has looked at something.
        self.assertTrue(campaign.largest)


class Planted(unittest.TestCase):
    """Checks that the campaign would notice a false alarm."""

    CHECK = {"name": "twin_output", "value": 0.5, "bound": 2.0, "where": "output"}

    def noted(self, *checks):
        campaign = Campaign()
        campaign.note({}, [{"case": {"precision": "fp32"}, "verification": {"checks": [check]}}
                           for check in checks])
        return campaign.largest["twin_output", "fp32"]

    def test_the_largest_share_of_the_bound_is_kept(self):
        largest = self.noted(self.CHECK, {**self.CHECK, "value": 1.0, "where": "there"}, self.CHECK)
        self.assertEqual((largest.share, largest.where, largest.cases), (0.5, "there", 3))

    def test_a_bound_of_zero(self):
        self.assertEqual(self.noted({**self.CHECK, "bound": 0.0, "value": 3.0}).share, 3.0)

    def test_an_infinite_value(self):
        self.assertEqual(self.noted({**self.CHECK, "value": "infinite"}).share, float("inf"))


if __name__ == "__main__":
    unittest.main()
