"""The rules of users: accounts, logins, and acting for somebody."""
