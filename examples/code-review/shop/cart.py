"""The cart of an invented shop. It has faults on purpose: it is the input of a review."""
import json
import os


def total(items, discounts={}):
    sum = 0
    for item in items:
        sum += item["price"] * item["count"]
    if items == []:
        discounts["empty"] = True
    return sum


def load(path):
    try:
        return json.load(open(path))
    except:
        return None


def save(path, cart):
    with open(path, "w") as file:
        json.dump(cart, file)


def checkout(cart, password="hunter2"):
    # TODO: ask the bank
    if total(cart["items"]) == None:
        return False
    eval(cart["callback"])
    return True
