"""Writes sales.csv beside itself: invented orders of a shop, the same bytes every time."""
import csv
import datetime
import pathlib
import random

random.seed(20260501)
PRODUCTS = [  # name, category, list price, weight
    ("Espresso Machine", "Appliances", 249.0, 6), ("Burr Grinder", "Appliances", 119.0, 8), ("Electric Kettle", "Appliances", 64.5, 11),
    ("House Blend 1 kg", "Coffee", 21.9, 26), ("Single Origin 250 g", "Coffee", 12.4, 24), ("Decaf 500 g", "Coffee", 14.9, 12),
    ("Pour-over Set", "Accessories", 39.0, 12), ("Milk Jug", "Accessories", 18.5, 10), ("Filter Papers", "Accessories", 5.9, 20),
    ("Travel Mug", "Drinkware", 24.0, 14), ("Cup Set of 4", "Drinkware", 32.0, 9),
]
REGIONS = {"North": (30, 0.0), "South": (22, 0.1), "East": (24, -0.5), "West": (24, 0.9)}  # weight at the start, change a month
SEASON = [0.85, 0.82, 0.95, 0.98, 1.0, 0.92, 0.88, 0.9, 1.04, 1.1, 1.32, 1.48]  # January to December

rows = []
day = datetime.date(2024, 7, 1)
end = datetime.date(2025, 12, 31)
month_count = 0
while day <= end:
    months = (day.year - 2024) * 12 + day.month - 7
    rate = 0.70 * SEASON[day.month - 1] * (1 + 0.014 * months) * (1.15 if day.weekday() == 4 else 0.55 if day.weekday() == 6 else 1.0)
    orders = int(rate) + (random.random() < rate - int(rate))
    for _ in range(orders):
        name, category, price, _weight = random.choices(PRODUCTS, [p[3] for p in PRODUCTS])[0]
        region = random.choices(list(REGIONS), [start + change * months for start, change in REGIONS.values()])[0]
        units = max(1, round(random.lognormvariate(1.1 if price < 50 else 0.4 if price < 100 else 0.0, 0.6)))
        unit_price = round(price * (1.0 if day.year == 2024 else 1.03), 2)
        discount = random.choices([0, 0.05, 0.1, 0.15], [70, 14, 11, 5])[0]
        customer = f"C{random.choices(range(1, 91), [1 / (i + 4) for i in range(90)])[0]:03d}"
        rows.append([day.isoformat(), region, name, category, units, f"{unit_price:.2f}", f"{units * unit_price * (1 - discount):.2f}", discount, customer])
    day += datetime.timedelta(days=1)

# What real exports have: gaps, a hotel chain's order far above all others, and one typing slip in the units.
for at in random.sample(range(len(rows)), 9):
    rows[at][7] = ""
for at in random.sample(range(len(rows)), 6):
    rows[at][8] = ""
for at in random.sample(range(len(rows)), 3):
    rows[at][4] = rows[at][6] = ""
big = next(i for i, row in enumerate(rows) if row[0] >= "2025-05-20" and row[2] == "Burr Grinder")
rows[big][4], rows[big][6] = 24, f"{24 * float(rows[big][5]) * 0.85:.2f}"
rows[big][7], rows[big][8] = 0.15, "C091"
slip = next(i for i, row in enumerate(rows) if row[0] >= "2025-02-10" and row[2] == "Filter Papers")
rows[slip][4] = 120

with open(pathlib.Path(__file__).with_name("sales.csv"), "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["date", "region", "product", "category", "units", "unit_price", "revenue", "discount", "customer_id"])
    writer.writerows(rows)
